/** One step in the shape of the schema. */
export interface Migration {
  readonly number: number;
  /** Programs that do not know this migration cannot work on the schema. */
  readonly breaking: boolean;
  /** One or more statements; `schema` is a quoted name. */
  sql(schema: string): string;
}

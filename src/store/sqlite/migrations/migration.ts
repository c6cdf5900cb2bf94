/** One step in the shape of the file. */
export interface Migration {
  readonly number: number;
  /** Programs that do not know this migration cannot work on the file. */
  readonly breaking: boolean;
  readonly sql: string;
}

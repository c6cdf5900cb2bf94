/** What a task asks of its client beside a slot. */

/** Tasks with the same needs stand in the same lanes; null: one core and nothing else. */
export interface Needs {
  readonly key: string;
  readonly cpus: number;
  readonly memory: number;
  readonly resources: Readonly<Record<string, number>>;
}

/** What a session's table of tasks and objects answers (`nodes.ts`), and what is left of one that nobody needs any more (`past.ts`). */

/** A task or an object that has ended and was let go, as it is shown. */
export interface PastNode {
  readonly id: number;
  readonly past: true;
  readonly isTask: boolean;
  /** Its type, or its label. */
  readonly text: string;
  readonly name: string | null;
  readonly contentType: string | null;
  readonly client: string | null;
  readonly startedAt: number | null;
  readonly durationMs: number | null;
  readonly size: number;
  /** How often it was an input. */
  readonly uses: number;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly info: string | Uint8Array | null;
  readonly debug: string;
}

export interface NodeTable<Node> {
  /** All, past ones included. */
  readonly size: number;
  /** Tasks among those that are past. */
  readonly pastTasks: number;
  /** The first number that is free. */
  readonly next: number;
  has(id: number): boolean;
  /** One that is not past. */
  get(id: number): Node | undefined;
  /** undefined: there was none of this number. */
  find(id: number): Node | PastNode | undefined;
  add(node: Node): void;
  /** Nobody will need it again. */
  forget(node: Node): void;
  /** Those that are not past. */
  values(): Iterable<Node>;
  /** All from this number on, in the order of their numbers. */
  from(id: number): Iterable<Node | PastNode>;
  clear(): void;
}

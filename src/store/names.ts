/**
 * The port of what keeps names of remote objects: a few thousand rows that are read one by one or all at once. A store that has a database keeps them there;
 * one that lasts as long as its process has none (`names` is absent), and names are kept beside it.
 */

/** A name as it is kept. */
export interface StoredName {
  /** Unique. */
  readonly name: string;
  readonly uri: string;
  readonly metadata: readonly string[];
  /** ms that it lives after `renewedAt`; null: until it is removed. */
  readonly lease: number | null;
  /** ms since the epoch. */
  readonly renewedAt: number;
}

export interface StoredNames {
  get(name: string): Promise<StoredName | null>;
  /** In no order. */
  all(): Promise<StoredName[]>;
  /** Each takes the place of the row of its name: all of them or none. Resolves after the commit. */
  put(rows: readonly StoredName[]): Promise<void>;
  /** Names that are not there are passed over. Resolves after the commit. */
  remove(names: readonly string[]): Promise<void>;
}

/** What of a store is about names. */
export interface KeepsNames {
  /** Absent: it keeps none. */
  readonly names?: StoredNames;
}

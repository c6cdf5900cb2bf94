/**
 * What a message tells the other side by reference while it is packed. When the message cannot be sent after all, it is taken back: the other side, which never
 * hears of it, would never give it back.
 */

/** The numbers of references, and the streams themselves; null: none. */
export type Told = readonly (number | object)[] | null;

export interface Telling {
  /** From now on it is written down what is told. */
  record(): void;
  /** What was told since `record`, which ends. */
  told(): Told;
  takeBack(told: Told): void;
}

/** How a store's holder can be reached: what others of its user find in its place. Part of the port `store.ts`. */
import type { ParsedAddress } from '../base/address.ts';

/** What a holder of a store leaves for others of its user; without a key that was given by him. */
export interface Announcement {
  readonly address: ParsedAddress;
  readonly key: string | null;
  readonly fingerprint: string | null;
}

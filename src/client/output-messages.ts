/** What a client's thread and its host say to each other about output that leaves the thread, over a port of its own: each piece is acknowledged. */
import type { WireError } from '../protocol/wire-error.ts';

/** To the host. `text`: lines, with a line break between them. */
export type OutputMessage =
  | readonly ['lines', sequence: number, id: string, attempt: number, slot: number, stream: 'stdout' | 'stderr', text: string]
  | readonly ['stdout' | 'stderr', sequence: number, bytes: Uint8Array];

/** To the thread: a piece was dealt with; or something failed, and nothing will be dealt with any more. */
export type OutputAnswer = readonly ['done', sequence: number] | readonly ['failed', sequence: 0, error: WireError];

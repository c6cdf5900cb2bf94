/** The bytes of an object from the server, several stretches at a time; a lost connection is gone on with where it broke. */
import { Buffer } from 'node:buffer';
import { MillraceError } from '../base/errors.ts';
import { largestRead, mostReads, type NodeId, type NodeInfo } from '../protocol/graph-messages.ts';
import type { Conversation } from './conversation.ts';
import { DataInstance } from './data-instance.ts';
import type { Patience } from './options.ts';
import type { ObjectRecord } from './records.ts';

/** Yields once for an empty object. `opened`: it is finished, and this is what is known of it. */
export async function* readObject(
  conversation: Conversation,
  session: number,
  object: NodeId,
  patience: Patience,
  opened: (info: NodeInfo) => void,
): AsyncGenerator<Uint8Array, void> {
  let offset = 0;
  for (;;) {
    const { fetch, size, info } = await conversation.ask('graph.fetch', { session, object }, patience);
    opened(info);
    if (size === 0) yield Buffer.alloc(0);
    try {
      for await (const part of stretches(conversation, fetch, offset, size, patience)) {
        offset += part.length;
        yield part;
      }
      return;
    } catch (error) {
      // A new connection knows nothing of this fetch: a new one begins at this place.
      if (!(error instanceof MillraceError) || error.code !== 'ERR_CONNECTION_CLOSED') throw error;
    } finally {
      conversation.ask('graph.end-fetch', { fetch }).catch(() => {});
    }
  }
}

async function* stretches(
  conversation: Conversation,
  fetch: number,
  from: number,
  size: number,
  patience: Patience,
): AsyncGenerator<Uint8Array> {
  const asked: Promise<Uint8Array>[] = [];
  let next = from;
  const ask = (): void => {
    const length = Math.min(largestRead, size - next);
    const part = conversation.ask('graph.read', { fetch, offset: next, length }, patience);
    part.catch(() => {});
    asked.push(part);
    next += length;
  };
  for (;;) {
    while (asked.length < mostReads && next < size) ask();
    const part = await asked.shift();
    if (part === undefined) return;
    yield part;
  }
}

/** What was read of an object. */
export function instanceOf({ id, label, contentType, dataType, user, info }: ObjectRecord, parts: readonly Uint8Array[]): DataInstance {
  const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  const facts = {
    spec: { id, label, contentType, dataType, user: user ?? {} },
    info: info ?? { error: '', size: bytes.length, contentType, debug: '', user: {} },
  };
  return new DataInstance({ bytes, path: null }, facts);
}

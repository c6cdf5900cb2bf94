/**
 * What came from a thread, told from what a function sends through the port of its thread: that may be anything, also something that looks
 * like the library's own, and must cost nobody but its author anything.
 */
import { MessagePort } from 'node:worker_threads';
import { mark, type ThreadMessage } from './journal.ts';

const isNumber = (value: unknown): boolean => typeof value === 'number';
const isText = (value: unknown): boolean => typeof value === 'string';

/** The message; null: it is none of the library's. Ends and words are as their thread made them. */
export function threadMessage(message: unknown): ThreadMessage | null {
  if (!Array.isArray(message) || message[0] !== mark) return null;
  return isWellFormed(message) ? (message as unknown as ThreadMessage) : null;
}

function isWellFormed([, kind, third, batch, fifth, sixth, seventh]: readonly unknown[]): boolean {
  if (kind === 'late') return isText(third) && isText(batch);
  if (!isNumber(third) || !isNumber(batch)) return false;
  switch (kind) {
    case 'ends':
      return Array.isArray(fifth) && fifth.every((end) => Array.isArray(end) && isNumber(end[0]));
    case 'said':
      return isNumber(fifth) && (sixth === null || isText(sixth) || sixth instanceof Uint8Array) && isText(seventh);
    case 'abort-port':
      return isNumber(fifth) && sixth instanceof MessagePort;
    default:
      return false;
  }
}

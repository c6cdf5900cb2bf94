/** The bodies before authentication: net-ipc's envelope `{ t, d }` in JSON, `t` 0 for the first frame of a side and 1 for its further ones. */
import { MillraceError } from '../base/errors.ts';

/** A body of the handshake: an envelope in JSON. */
export function encodeHandshake(kind: 0 | 1, value: unknown): Buffer {
  return Buffer.from(JSON.stringify(kind === 0 ? { t: 0, d: { compress: false, messagepack: true, extras: value } } : { t: 1, d: value }));
}

/** Throws `ERR_PROTOCOL`. */
export function decodeHandshake(body: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch (cause) {
    throw new MillraceError('ERR_PROTOCOL', 'a frame of the handshake is not JSON', { cause });
  }
  const { t, d } = (typeof value === 'object' && value !== null ? value : {}) as { t?: unknown; d?: unknown };
  if (t === 1) return d;
  if (t === 0 && typeof d === 'object' && d !== null) return (d as { extras?: unknown }).extras;
  throw new MillraceError('ERR_PROTOCOL', 'a frame of the handshake without its envelope');
}

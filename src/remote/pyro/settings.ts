/** What a proxy of Pyro's wire can be told beside what every proxy can. */
import { parseSize } from '../../base/bytes.ts';
import { checkOptions } from '../options.ts';

export interface PyroSettings {
  /** What is said at the greeting, for daemons that ask for more than `'hello'` (`validateHandshake`). */
  readonly handshake?: unknown;
  /** Bytes of a message, either way, unpacked. Default 64 MiB. */
  readonly maxMessageSize?: number | string;
}

export const defaultMessageSize: number = 64 * 1024 * 1024;

/** @throws ERR_UNKNOWN_OPTION, ERR_OPTION, ERR_SIZE */
export function pyroSettings(settings: PyroSettings | undefined): { readonly handshake: unknown; readonly maxMessageSize: number } {
  const { handshake = 'hello', maxMessageSize } = checkOptions(settings, ['handshake', 'maxMessageSize'], '`pyro`');
  return {
    handshake,
    maxMessageSize: maxMessageSize === undefined ? defaultMessageSize : parseSize(maxMessageSize, 'pyro.maxMessageSize'),
  };
}

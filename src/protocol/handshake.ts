/**
 * How two sides prove to each other that they hold the same key, before either reads anything else. No sockets, no clock, no
 * chance in here: frames go in, frames and a verdict come out.
 *
 *   dialling side                                   listening side
 *   hello  { versions, role, nonce }          ->
 *                                             <-    challenge { versions, version, nonce, id }
 *   proof  { info, mac }                      ->
 *                                             <-    accept    { info, mac }
 *                                             <-    refuse    { code, versions }   instead, at any point
 *
 * A mac is HMAC-SHA-256 with the key over everything that was said (both nonces, roles, versions, the connection's id, the
 * sender's description), the direction, and under TLS the channel's exporter value: nothing can be replayed, reflected, or carried
 * over from another channel. The listening side proves itself only to who has proved itself.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type ErrorCode, MillraceError } from '../base/errors.ts';
import type { PeerInfo, Role } from './messages.ts';
import { checkPeerInfo } from './peer-info.ts';
import { chooseVersion, protocolVersions, type VersionRange, versionError } from './version.ts';

/** Bytes of a nonce, as hex twice as many characters. */
export const nonceBytes = 32;

export interface HandshakeSetup {
  readonly self: PeerInfo;
  /** 32 bytes of cryptographic chance in hex, never used twice. */
  readonly nonce: string;
  /** Default: what this build speaks. */
  readonly versions?: VersionRange;
  /** Asked when the macs are due. The channel's exporter value under TLS, else empty. */
  readonly channel: () => Uint8Array;
}

export interface HandshakeResult {
  readonly peer: PeerInfo;
  readonly version: number;
  /** The connection's name, chosen by the listening side. */
  readonly id: string;
}

/** What to do after a frame: send these (one frame each), then go on as `result` or end with `error` when there is one. */
export interface HandshakeStep {
  readonly send: readonly unknown[];
  readonly result: HandshakeResult | null;
  readonly error: MillraceError | null;
}

const noncePattern = /^[0-9a-f]{64}$/;
const macPattern = /^[0-9a-f]{64}$/;
const longestInfo = 48 * 1024;
const diallingRoles: readonly unknown[] = ['client', 'submitter', 'control', 'caller'] satisfies Role[];

const wait = (...send: readonly unknown[]): HandshakeStep => ({ send, result: null, error: null });

const unreadable = (): MillraceError =>
  new MillraceError('ERR_PROTOCOL', 'the other side does not speak the handshake of this protocol: is it a millrace?');
const wrongKey = (): MillraceError => new MillraceError('ERR_AUTH', 'the other side does not hold the same key: give both the same `auth`');

function fields(frame: unknown, tag: string): Record<string, unknown> {
  if (!Array.isArray(frame) || frame.length !== 2 || frame[0] !== tag || typeof frame[1] !== 'object' || frame[1] === null)
    throw unreadable();
  return frame[1] as Record<string, unknown>;
}

function hex(value: unknown, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw unreadable();
  return value;
}

function readRange(value: unknown): VersionRange {
  if (!Array.isArray(value) || value.length !== 2) throw unreadable();
  const [min, max] = value as unknown[];
  if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || (min as number) < 0 || (max as number) < (min as number))
    throw unreadable();
  return { min: min as number, max: max as number };
}

function readInfo(value: unknown): string {
  if (typeof value !== 'string' || value.length > longestInfo) throw unreadable();
  return value;
}

function parseInfo(text: string): PeerInfo {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable();
  }
  return checkPeerInfo(value);
}

/** What both sides have seen when macs are made; one list, so that both hash the same. */
interface Transcript {
  readonly role: string;
  readonly clientVersions: VersionRange;
  readonly serverVersions: VersionRange;
  readonly version: number;
  readonly clientNonce: string;
  readonly serverNonce: string;
  readonly id: string;
}

function makeMac(key: string, direction: 'dial' | 'listen', seen: Transcript, info: string, channel: Uint8Array): Buffer {
  const { clientVersions: c, serverVersions: s } = seen;
  const said = JSON.stringify([
    'millrace handshake',
    direction,
    seen.role,
    [c.min, c.max],
    [s.min, s.max],
    seen.version,
    seen.clientNonce,
    seen.serverNonce,
    seen.id,
    info,
    Buffer.from(channel).toString('hex'),
  ]);
  return createHmac('sha256', key).update(said).digest();
}

const sameMac = (expected: Buffer, given: string): boolean => timingSafeEqual(expected, Buffer.from(given, 'hex'));

/** What one side answers to a frame that it cannot accept. */
function refusal(thrown: unknown, versions: VersionRange): HandshakeStep {
  const error = MillraceError.from(thrown, 'ERR_PROTOCOL');
  return { send: [['refuse', { code: error.code, versions: [versions.min, versions.max] }]], result: null, error };
}

export interface ListeningSetup extends HandshakeSetup {
  readonly key: string;
  readonly id: string;
  /** Answer every hello with this refusal: the channel has shown already that this peer is not welcome. */
  readonly refusal?: MillraceError | null;
}

/** States: hello → proof → over. Anything out of turn ends it. */
export class ListeningHandshake {
  readonly #setup: ListeningSetup;
  readonly #versions: VersionRange;
  #state: 'hello' | 'proof' | 'over' = 'hello';
  #seen: Transcript | null = null;

  constructor(setup: ListeningSetup) {
    this.#setup = setup;
    this.#versions = setup.versions ?? protocolVersions;
  }

  receive(frame: unknown): HandshakeStep {
    const state = this.#state;
    this.#state = 'over';
    try {
      if (state === 'hello') return this.#hello(fields(frame, 'hello'));
      if (state === 'proof') return this.#proof(fields(frame, 'proof'));
      throw unreadable();
    } catch (error) {
      return refusal(error, this.#versions);
    }
  }

  #hello(hello: Record<string, unknown>): HandshakeStep {
    const { refusal: unwelcome = null } = this.#setup;
    if (unwelcome !== null) throw unwelcome;
    const theirs = readRange(hello.versions);
    const version = chooseVersion(this.#versions, theirs);
    if (version === null) throw versionError(this.#versions, theirs);
    if (!diallingRoles.includes(hello.role)) throw unreadable();
    this.#seen = {
      role: hello.role as string,
      clientVersions: theirs,
      serverVersions: this.#versions,
      version,
      clientNonce: hex(hello.nonce, noncePattern),
      serverNonce: this.#setup.nonce,
      id: this.#setup.id,
    };
    this.#state = 'proof';
    const { min, max } = this.#versions;
    return wait(['challenge', { versions: [min, max], version, nonce: this.#setup.nonce, id: this.#setup.id }]);
  }

  #proof(proof: Record<string, unknown>): HandshakeStep {
    const { key, self, channel, id } = this.#setup;
    const seen = this.#seen!;
    const info = readInfo(proof.info);
    const mac = hex(proof.mac, macPattern);
    const binding = channel();
    if (!sameMac(makeMac(key, 'dial', seen, info, binding), mac)) throw wrongKey();
    const peer = parseInfo(info);
    if (peer.role !== seen.role) throw unreadable();
    const own = JSON.stringify(self);
    const answer = makeMac(key, 'listen', seen, own, binding).toString('hex');
    return { send: [['accept', { info: own, mac: answer }]], result: { peer, version: seen.version, id }, error: null };
  }
}

/** States: challenge → accept → over. `key` is asked when the challenge came: a key file is written before a server answers. */
export class DiallingHandshake {
  readonly #setup: HandshakeSetup & { readonly key: () => string };
  readonly #versions: VersionRange;
  #state: 'challenge' | 'accept' | 'over' = 'challenge';
  #seen: Transcript | null = null;
  #key = '';

  constructor(setup: HandshakeSetup & { readonly key: () => string }) {
    this.#setup = setup;
    this.#versions = setup.versions ?? protocolVersions;
  }

  /** The first frame. */
  hello(): unknown {
    const { min, max } = this.#versions;
    return ['hello', { versions: [min, max], role: this.#setup.self.role, nonce: this.#setup.nonce }];
  }

  receive(frame: unknown): HandshakeStep {
    const state = this.#state;
    this.#state = 'over';
    try {
      if (Array.isArray(frame) && frame[0] === 'refuse') throw this.#refused(fields(frame, 'refuse'));
      if (state === 'challenge') return this.#challenge(fields(frame, 'challenge'));
      if (state === 'accept') return this.#accept(fields(frame, 'accept'));
      throw unreadable();
    } catch (error) {
      return { send: [], result: null, error: MillraceError.from(error, 'ERR_PROTOCOL') };
    }
  }

  /** A refusal is not authenticated: only its code is believed, and only if it is one of four. */
  #refused(refuse: Record<string, unknown>): MillraceError {
    const code = refuse.code as ErrorCode;
    if (code === 'ERR_AUTH') return wrongKey();
    if (code === 'ERR_VERSION') return versionError(this.#versions, readRange(refuse.versions));
    if (code === 'ERR_TLS')
      return new MillraceError(
        'ERR_TLS',
        'the server wants a certificate of this side: give `tls.cert` and `tls.key`, signed by what its `tls.ca` trusts, for the use by clients, and in its time',
      );
    return new MillraceError('ERR_PROTOCOL', 'the server refused the handshake as malformed');
  }

  #challenge(challenge: Record<string, unknown>): HandshakeStep {
    const { self, nonce, channel, key } = this.#setup;
    const theirs = readRange(challenge.versions);
    const version = chooseVersion(this.#versions, theirs);
    if (version === null) throw versionError(this.#versions, theirs);
    const id = challenge.id;
    if (challenge.version !== version || typeof id !== 'string' || id.length === 0 || id.length > 64) throw unreadable();
    const serverNonce = hex(challenge.nonce, noncePattern);
    if (serverNonce === nonce) throw unreadable();
    this.#seen = { role: self.role, clientVersions: this.#versions, serverVersions: theirs, version, clientNonce: nonce, serverNonce, id };
    this.#key = key();
    const info = JSON.stringify(self);
    this.#state = 'accept';
    return wait(['proof', { info, mac: makeMac(this.#key, 'dial', this.#seen, info, channel()).toString('hex') }]);
  }

  #accept(accept: Record<string, unknown>): HandshakeStep {
    const seen = this.#seen!;
    const info = readInfo(accept.info);
    const mac = hex(accept.mac, macPattern);
    if (!sameMac(makeMac(this.#key, 'listen', seen, info, this.#setup.channel()), mac)) throw wrongKey();
    const peer = parseInfo(info);
    if (peer.role !== 'server') throw unreadable();
    return { send: [], result: { peer, version: seen.version, id: seen.id }, error: null };
  }
}

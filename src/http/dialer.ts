/** How connections are made: plain or over TLS, to public addresses alone where that is asked for; and how those that are being made are given up. */
import { buildConnector } from 'undici';
import { systemClock } from '../base/clock.ts';
import { MillraceError } from '../base/errors.ts';
import type { HttpClientConfig } from '../config/http-options.ts';
import { checkFingerprint, dialTls } from '../transport/certificate.ts';
import { defaultKeyFolder } from '../transport/key-folder.ts';
import { publicLookup, refusedLiteral } from '../transport/public-address.ts';
import type { Origin } from './origin.ts';

type Connector = buildConnector.connector;
type Trust = NonNullable<HttpClientConfig['tls']>;

/** What of a socket is used here. */
interface Dialled {
  ref(): unknown;
  unref(): unknown;
  destroy(error: Error): unknown;
}

/** Longest time for a connection to stand, within the time of its request. */
const connectTimeout = 10_000;

export class Dialer {
  readonly connect: Connector;
  readonly #dialled = new Set<Dialled>();
  #ended = false;

  /** `anywhere`: not to public addresses alone. @throws ERR_TLS when a certificate or key cannot be used */
  constructor(origin: Origin, tls: Trust, anywhere: boolean) {
    const guard = anywhere ? {} : { lookup: publicLookup };
    const make = origin.secure ? secureConnector(origin, tls, guard) : buildConnector({ ...guard, timeout: connectTimeout });
    const refusal = anywhere ? null : refusedLiteral(origin.hostname);
    this.connect = (target, callback) => {
      if (this.#ended) return callback(ended(), null);
      // An address that is written as one is not looked up.
      if (refusal !== null) return callback(refusal, null);
      const settled: Parameters<Connector>[1] = (error, socket) => {
        if (isDialled(made)) this.#dialled.delete(made);
        if (error !== null) return callback(error, null);
        socket.ref();
        return callback(null, socket);
      };
      const made: unknown = make(target, settled);
      if (!isDialled(made)) return;
      this.#dialled.add(made);
      // Whoever waits for it has a timer: a connection that nobody waits for any more does not keep the process up.
      made.unref();
    };
  }

  /** No connection any more, not those that are being made either. */
  end(): void {
    this.#ended = true;
    for (const socket of this.#dialled) socket.destroy(ended());
    this.#dialled.clear();
  }
}

function ended(): MillraceError {
  return new MillraceError('ERR_ENDED', 'the client was closed');
}

/** undici's connectors return their socket, which their types do not say. */
function isDialled(made: unknown): made is Dialled {
  return typeof made === 'object' && made !== null && 'unref' in made;
}

/** TLS as everywhere in this library: 1.2 at least, the system's roots and this machine's own certificate, or `ca`, or exactly one pinned certificate. */
function secureConnector(origin: Origin, tls: Trust, guard: { readonly lookup?: typeof publicLookup }): Connector {
  // No session is kept: each connection shows its certificate.
  const { port: _port, ...trust } = dialTls(tls, origin.hostname, defaultKeyFolder(), systemClock);
  const connect = buildConnector({ ...trust, ...guard, timeout: connectTimeout, maxCachedSessions: 0 });
  const check = checkFingerprint(tls);
  return (target, callback) =>
    connect(target, (error, socket) => {
      if (error !== null) return callback(error, null);
      const wrong = check(socket);
      if (wrong === null) return callback(null, socket);
      socket.destroy();
      return callback(wrong, null);
    });
}

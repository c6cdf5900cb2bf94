/**
 * The side that has objects for Python: listens, speaks Pyro4's wire protocol in JSON, and lets who knows its address (and its key) call what is registered
 * and exposed.
 */
import { type ParsedAddress, parseAddress } from '../../base/address.ts';
import { parseSize } from '../../base/bytes.ts';
import { systemClock } from '../../base/clock.ts';
import { parseDuration } from '../../base/duration.ts';
import { MillraceError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Duration } from '../../task/task.ts';
import type { TlsChoice } from '../../transport/certificate.ts';
import { checkKey, checkReach } from '../../transport/endpoint.ts';
import type { PyroChannel } from '../../transport/pyro-channel.ts';
import { pyroSeal } from '../../transport/pyro-digest.ts';
import { listenPyro, type PyroListener } from '../../transport/pyro-listen.ts';
import { type CallbackErrors, callbackErrors } from '../callback-errors.ts';
import { remoteOver } from '../caller.ts';
import { type ExposeOptions, exposureOf } from '../exposure.ts';
import { always, checkSubject, type InstanceMode, instancesOf, type RemoteClass } from '../instances.ts';
import { checkOptions, wholeNumber } from '../options.ts';
import { objectTarget, type Target } from '../target.ts';
import { URI } from '../uri.ts';
import type { Classes } from '../values.ts';
import { PyroBinding } from './binding.ts';
import type { Seal } from './core/frame.ts';
import { DaemonObject } from './daemon-object.ts';
import { setState } from './registered.ts';
import { metadataOf, PyroSession } from './session.ts';
import { defaultMessageSize } from './settings.ts';
import { StreamTable } from './stream-table.ts';
import { type ProxyState, PyroValues } from './values.ts';
import { daemonObject } from './well-known.ts';

export interface PyroDaemonOptions extends CallbackErrors {
  /** Default `localhost`. Beyond loopback it needs `auth`. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Of a unix socket, instead of host and port. */
  readonly path?: string;
  /** Pyro's key for messages (`_pyroHmacKey`), at least 12 characters beyond loopback: Python's proxies need it too. Default: none. */
  readonly auth?: string | null;
  /**
   * TLS, as Pyro's `SSL`: `{ cert, key }`, or `true` for the certificate of this machine; with `ca` only who shows a certificate of it is let in. Proxies that
   * clients give are called by the same. Default: none. Not for a unix socket.
   */
  readonly tls?: TlsChoice;
  /** Classes whose instances cross as such, by the names that Python gives them: `{ 'music.Song': Song }`. Only own fields cross. */
  readonly classes?: Classes;
  /** Oneway calls run at once and side by side. Default: one after the other, in the order of one connection. */
  readonly onewayThreaded?: boolean;
  /** Bytes of a message, either way, unpacked. Default 64 MiB. */
  readonly maxMessageSize?: number | string;
  /** Connections at a time; one more is cut off. Default 4,096. */
  readonly connections?: number;
  /** A stream whose caller is gone waits so long for it to come back. Default 30 s. */
  readonly streamLinger?: Duration;
  /** Gets what a client says at its greeting (`_pyroHandshake`) and returns the answer; what it throws turns the client away. Default: answers `'hello'`. */
  readonly handshake?: (said: unknown) => unknown;
}

export interface PyroRegisterOptions extends ExposeOptions {
  /** Of a class: one instance for each connection (default), one for all, or one for each call. */
  readonly instances?: InstanceMode;
}

interface Registration {
  readonly id: string;
  readonly subject: object;
  target(session: object): Target;
}

const optionNames = [
  'host',
  'port',
  'path',
  'auth',
  'tls',
  'classes',
  'onewayThreaded',
  'maxMessageSize',
  'connections',
  'streamLinger',
  'handshake',
  'onCallbackError',
] as const;
const registerNames = ['expose', 'oneway', 'idempotent', 'callback', 'instances'] as const;

/** States. *listening*. *stopped* (`stop`): nobody gets in, every connection is closed, calls of the handle are refused with `ERR_ENDED`. */
export class PyroDaemon implements AsyncDisposable {
  readonly #options: PyroDaemonOptions;
  readonly #seal: Seal | null;
  readonly #largest: number;
  readonly #streams: StreamTable;
  readonly #byId: Map<string, Registration> = new Map();
  readonly #bySubject: Map<object, Registration> = new Map();
  readonly #sessions: Set<PyroSession> = new Set();
  readonly #left: Set<() => void> = new Set();
  readonly #own: Target;
  #listener: PyroListener | null = null;

  private constructor(options: PyroDaemonOptions) {
    this.#options = options;
    this.#seal = pyroSeal(options.auth ?? null);
    this.#largest = options.maxMessageSize === undefined ? defaultMessageSize : parseSize(options.maxMessageSize, 'maxMessageSize');
    this.#streams = new StreamTable(systemClock, parseDuration(options.streamLinger ?? 30, 'streamLinger'));
    const object = new DaemonObject({
      ids: () => [daemonObject, ...this.#byId.keys()],
      metadata: (id) => metadataOf(this.#find(id, this).exposure),
      address: () => this.address,
      streams: this.#streams,
    });
    this.#own = objectTarget(() => object, exposureOf(object));
  }

  /** Listens. @throws the codes of options, addresses and keys */
  static async new(options?: PyroDaemonOptions): Promise<PyroDaemon> {
    const given = checkOptions(options, optionNames, 'PyroDaemon.new()') as PyroDaemonOptions;
    const address = addressOf(given);
    const auth = given.auth ?? null;
    checkReach(address, auth);
    if (auth !== null) checkKey(auth);
    const daemon = new PyroDaemon(given);
    daemon.#listener = await listenPyro({
      address,
      connections: wholeNumber(given.connections ?? 4_096, 'connections'),
      tls: given.tls ?? null,
      onChannel: (channel) => daemon.#accept(channel),
    });
    return daemon;
  }

  /** The bound address. */
  get address(): ParsedAddress {
    return this.#listening().address;
  }

  /** Connections of now. */
  get sessions(): number {
    return this.#sessions.size;
  }

  /** Makes an object, or the instances of a class, callable; returns the URI. @throws ERR_OBJECT, ERR_NOT_EXPOSED, ERR_OPTION, ERR_UNKNOWN_OPTION, ERR_ENDED */
  register(subject: object | RemoteClass, id: string = `obj_${newId().replaceAll('-', '')}`, options?: PyroRegisterOptions): string {
    const { instances, ...exposing } = checkOptions(options, registerNames, 'register()');
    this.#listening();
    if (typeof id !== 'string' || !/^[^\s@]+$/.test(id))
      throw new MillraceError('ERR_OBJECT', `the id of an object is a text without spaces and '@'; it is ${JSON.stringify(id)}`);
    checkSubject(subject, instances);
    if (this.#byId.has(id) || id === daemonObject)
      throw new MillraceError('ERR_OBJECT', `an object is registered as '${id}' already: unregister it first`);
    const other = this.#bySubject.get(subject);
    if (other !== undefined) throw new MillraceError('ERR_OBJECT', `this object is registered already, as '${other.id}'`);
    const target =
      typeof subject === 'function'
        ? instancesOf(subject as RemoteClass, instances ?? 'session', exposing)
        : always(objectTarget(() => subject, exposureOf(subject, exposing)));
    const registration: Registration = { id, subject, target };
    this.#byId.set(id, registration);
    this.#bySubject.set(subject, registration);
    const { methods, attrs, oneway } = metadataOf(target(this).exposure);
    setState(subject, () => [this.uriFor(id), oneway, methods, attrs, 0, null, 'hello', 0, 'json']);
    return this.uriFor(id);
  }

  /** Nobody can call it any more. @throws ERR_OBJECT */
  unregister(subjectOrId: object | string): void {
    const { id, subject } = this.#registered(subjectOrId);
    this.#byId.delete(id);
    this.#bySubject.delete(subject);
    setState(subject, null);
  }

  /** @throws ERR_OBJECT */
  uriFor(subjectOrId: object | string): string {
    return URI.of(this.#registered(subjectOrId).id, this.#listening().address, 'PYRO').toString();
  }

  /** Closes every connection, after what is on its way was sent, and takes the address back. */
  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    if (listener === null) return;
    for (const { subject } of this.#byId.values()) setState(subject, null);
    this.#byId.clear();
    this.#bySubject.clear();
    await listener.close();
    this.#streams.end();
    for (const session of this.#sessions) session.close();
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => this.#left.add(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #listening(): PyroListener {
    if (this.#listener === null) throw new MillraceError('ERR_ENDED', 'the daemon was stopped: make a new one');
    return this.#listener;
  }

  #registered(subjectOrId: object | string): Registration {
    const found = typeof subjectOrId === 'string' ? this.#byId.get(subjectOrId) : this.#bySubject.get(subjectOrId);
    if (found !== undefined) return found;
    throw new MillraceError(
      'ERR_OBJECT',
      typeof subjectOrId === 'string' ? `no object is registered as '${subjectOrId.slice(0, 200)}'` : 'this object is not registered here',
    );
  }

  #find(id: string, session: object): Target {
    return id === daemonObject ? this.#own : this.#registered(id).target(session);
  }

  #accept(channel: PyroChannel): void {
    const { auth = null, tls = null, classes = {}, onewayThreaded = false, handshake = () => 'hello' } = this.#options;
    const brought = new Set<PyroBinding>();
    const revive = ({ uri, key }: ProxyState): unknown => {
      const place = new URI(uri);
      if (!place.isPyro) throw new MillraceError('ERR_PROTOCOL', 'a proxy that came in is of no object of Pyro');
      return remoteOver(new PyroBinding(place, { auth: key ?? auth, tls, classes }, brought));
    };
    const session: PyroSession = new PyroSession({
      channel,
      seal: this.#seal,
      values: new PyroValues({ classes, revive }),
      streams: this.#streams,
      largest: this.#largest,
      onewayThreaded,
      greet: handshake,
      callbackFailed: callbackErrors(this.#options),
      find: (id, caller) => this.#find(id, caller),
      closed: () => {
        for (const proxy of [...brought]) proxy.release();
        this.#sessions.delete(session);
        if (this.#sessions.size === 0) for (const left of this.#left) left();
      },
    });
    this.#sessions.add(session);
  }
}

function addressOf({ host, port, path }: PyroDaemonOptions): ParsedAddress {
  if (path === undefined) return parseAddress({ host: host ?? 'localhost', port: port ?? 0 });
  if (host === undefined && port === undefined) return parseAddress({ path });
  throw new MillraceError('ERR_OPTION', 'give `path`, or `host` and `port`, not both', { details: { option: 'path' } });
}

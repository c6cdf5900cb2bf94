/**
 * The side that has objects: listens, and lets who holds the key call what is registered and exposed. Each connection is a session; what was made for
 * it, or passed by reference on it, is free when it ends.
 */
import { type Address, type ParsedAddress, parseAddress } from '../base/address.ts';
import { systemClock } from '../base/clock.ts';
import { parseDuration } from '../base/duration.ts';
import { MillraceError } from '../base/errors.ts';
import { hostName, newId } from '../base/ids.ts';
import type { Duration } from '../task/task.ts';
import type { Connection, Listener } from '../transport/connection.ts';
import { listen } from '../transport/listen.ts';
import { binding } from './binding.ts';
import { type CallbackErrors, callbackErrors } from './callback-errors.ts';
import { remoteOver } from './caller.ts';
import { checkName, checkTags } from './core/names.ts';
import type { CurrentCall } from './current-call.ts';
import type { ExposeOptions } from './exposure.ts';
import { checkSubject, type InstanceMode, markOf, type RemoteClass, targetsOf } from './instances.ts';
import { Lingering } from './lingering.ts';
import { Naming } from './naming.ts';
import { checkClasses, checkFunction } from './option-checks.ts';
import { checkOptions, type SharedRemoteOptions } from './options.ts';
import { Session } from './session.ts';
import { mark, type Target } from './target.ts';
import { namesObject, URI } from './uri.ts';

export interface DaemonOptions extends SharedRemoteOptions, CallbackErrors {
  /** Default `localhost:0`: any free port. */
  readonly address?: Address;
  /** Oneway calls run at once and side by side. Default: one after the other, in the order of one connection. */
  readonly onewayThreaded?: boolean;
  /** Where the names of its objects are kept. Default: none, unless it is a name server itself. It needs the same `auth` and `tls`. */
  readonly nameServer?: Address;
  /** The name server forgets names that were not renewed for so long; they are, three times within it. Default 30 s. */
  readonly nameLease?: Duration;
  /** So long a stream is kept whose connection was lost, for its reader to read on. Default 30 s. */
  readonly streamLinger?: Duration;
}

export interface RegisterOptions extends ExposeOptions {
  /** Of a class: one instance for each connection (default), one for all, or one for each call. */
  readonly instances?: InstanceMode;
  /** The name under which the name server has it, told in the background: `named()` resolves when it is. */
  readonly name?: string;
  /** Tags of that name. */
  readonly metadata?: readonly string[];
  /** The call (`currentCall()`) whose caller owns it: it is unregistered when the caller's connection ends. */
  readonly owner?: CurrentCall;
}

interface Registration {
  readonly id: string;
  readonly subject: object;
  target(session: Session): Target;
}

const optionNames = [
  'address',
  'auth',
  'tls',
  'classes',
  'onewayThreaded',
  'onCallbackError',
  'nameServer',
  'nameLease',
  'streamLinger',
] as const;
const registerNames = ['expose', 'oneway', 'idempotent', 'callback', 'instances', 'name', 'metadata', 'owner'] as const;

/** ms for the name server to answer. */
const nameTimeout = 10_000;

/** States. *listening*. *stopped* (`stop`): nobody gets in, every session is closed, calls of the handle are refused with `ERR_ENDED`. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #nameServer: ParsedAddress | null;
  readonly #nameLease: number;
  readonly #byId: Map<string, Registration> = new Map();
  readonly #bySubject: Map<object, Registration> = new Map();
  readonly #sessions: Set<Session> = new Set();
  readonly #left: Set<() => void> = new Set();
  readonly #stopped: Set<() => void> = new Set();
  readonly #lingering: Lingering;
  #naming: Naming | null = null;
  #listener: Listener | null = null;

  private constructor(options: DaemonOptions) {
    this.#options = options;
    checkClasses(options.classes);
    checkFunction(options.onCallbackError, 'onCallbackError');
    this.#nameServer = options.nameServer === undefined ? null : parseAddress(options.nameServer, 'nameServer');
    this.#lingering = new Lingering(systemClock, parseDuration(options.streamLinger ?? 30, 'streamLinger'));
    this.#nameLease = parseDuration(options.nameLease ?? 30, 'nameLease');
    if (this.#nameLease < 100) throw new MillraceError('ERR_OPTION', 'nameLease is at least 0.1 s', { details: { option: 'nameLease' } });
  }

  /** Listens. @throws the codes of options, addresses and keys */
  static async new(options?: DaemonOptions): Promise<Daemon> {
    const given = checkOptions(options, optionNames, 'Daemon.new()');
    const daemon = new Daemon(given);
    daemon.#listener = await listen({
      address: given.address ?? { host: 'localhost', port: 0 },
      auth: given.auth ?? null,
      tls: given.tls ?? null,
      self: { role: 'server', id: newId(), host: hostName(), pid: process.pid },
      onConnection: (connection) => daemon.accept(connection),
    });
    return daemon;
  }

  /** A daemon behind a listener that others have opened: connections come by `accept`. */
  static over(listener: Listener, options: DaemonOptions): Daemon {
    const daemon = new Daemon(options);
    daemon.#listener = listener;
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

  /**
   * Objects and functions of this side, and of the other sides, that are held because they were passed by reference.
   */
  get references(): { readonly given: number; readonly got: number } {
    let given = 0;
    let got = 0;
    for (const { references } of this.#sessions) {
      given += references.given;
      got += references.got;
    }
    return { given, got };
  }

  /** Streams that were not read to their end: over open connections, and over lost ones for `streamLinger`. */
  get streams(): number {
    return this.#lingering.size;
  }

  /** Makes an object, or the instances of a class, callable; returns the URI. @throws ERR_OBJECT, ERR_NOT_EXPOSED, ERR_OPTION, ERR_UNKNOWN_OPTION, ERR_NAME, ERR_ENDED */
  register(subject: object | RemoteClass, id: string = `obj_${newId()}`, options?: RegisterOptions): string {
    const { instances, name, metadata, owner, ...exposing } = checkOptions(options, registerNames, 'register()');
    this.#listening();
    if (typeof id !== 'string' || !/^[^\s@]+$/.test(id))
      throw new MillraceError('ERR_OBJECT', `the id of an object is a text without spaces and '@'; it is ${JSON.stringify(id)}`);
    checkSubject(subject, instances);
    if (owner !== undefined && typeof owner?.onEnd !== 'function')
      throw new MillraceError('ERR_OPTION', 'owner is a call: take currentCall() before the first await', { details: { option: 'owner' } });
    if (this.#byId.has(id)) throw new MillraceError('ERR_OBJECT', `an object is registered as '${id}' already: unregister it first`);
    if (this.#bySubject.has(subject))
      throw new MillraceError('ERR_OBJECT', `this object is registered already, as '${this.#bySubject.get(subject)!.id}'`);
    const naming = name === undefined ? null : this.#namingOf(name);
    const tags = metadata === undefined ? [] : checkTags(metadata);
    const target = targetsOf(subject, instances ?? 'session', exposing);
    const registration: Registration = { id, subject, target };
    this.#byId.set(id, registration);
    this.#bySubject.set(subject, registration);
    if (typeof subject === 'object') mark(subject, markOf(subject, exposing));
    const uri = this.uriFor(id);
    naming?.keep(name!, { uri, metadata: tags });
    owner?.onEnd(() => {
      if (this.#listener !== null && this.#byId.get(id) === registration) this.unregister(id);
    });
    return uri;
  }

  /** Resolves when the name server has every name that was given to `register`. Rejects when it could not be told; that is tried again by itself. */
  async named(): Promise<void> {
    await this.#naming?.settled();
  }

  /** Called when `stop` is. */
  whenStopped(call: () => void): void {
    this.#stopped.add(call);
  }

  /** Nobody can call it any more. @throws ERR_OBJECT */
  unregister(subjectOrId: object | string): void {
    const { id, subject } = this.#registered(subjectOrId);
    if (this.#naming !== null) this.#naming.drop(this.uriFor(id));
    this.#byId.delete(id);
    this.#bySubject.delete(subject);
    mark(subject, null);
  }

  /** @throws ERR_OBJECT */
  uriFor(subjectOrId: object | string): string {
    return URI.of(this.#registered(subjectOrId).id, this.#listening().address).toString();
  }

  /** Closes every connection, after what is on its way was sent, and takes the address back. */
  async stop(): Promise<void> {
    const listener = this.#listener;
    this.#listener = null;
    if (listener === null) return;
    await this.#naming?.end();
    for (const call of this.#stopped) call();
    this.#lingering.end();
    for (const { subject } of this.#byId.values()) mark(subject, null);
    this.#byId.clear();
    this.#bySubject.clear();
    await listener.close();
    for (const session of this.#sessions) session.close();
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => this.#left.add(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #listening(): Listener {
    if (this.#listener === null) throw new MillraceError('ERR_ENDED', 'the daemon was stopped: make a new one');
    return this.#listener;
  }

  #namingOf(name: string): Naming {
    checkName(name);
    const { auth = null, tls = null } = this.#options;
    const place = this.#nameServer ?? (this.#byId.has(namesObject) ? this.address : null);
    if (place === null)
      throw new MillraceError('ERR_OPTION', 'a name needs a name server: give `nameServer` to Daemon.new()', {
        details: { option: 'name' },
      });
    this.#naming ??= new Naming(binding(URI.of(namesObject, place), { auth, tls, timeout: nameTimeout }), this.#nameLease);
    return this.#naming;
  }

  #registered(subjectOrId: object | string): Registration {
    const found = typeof subjectOrId === 'string' ? this.#byId.get(subjectOrId) : this.#bySubject.get(subjectOrId);
    if (found !== undefined) return found;
    throw new MillraceError('ERR_OBJECT', typeof subjectOrId === 'string' ? noObject(subjectOrId) : 'this object is not registered here');
  }

  /** A connection that was accepted by another listener, for `over`. */
  accept(connection: Connection): void {
    if (connection.peer.role !== 'caller') {
      connection.destroy(
        new MillraceError('ERR_PROTOCOL', `a ${connection.peer.role} dialled a daemon of remote objects: it needs a task server`),
      );
      return;
    }
    const { auth, tls, classes = {}, onewayThreaded = false } = this.#options;
    const session: Session = new Session({
      connection,
      clock: systemClock,
      classes,
      onewayThreaded,
      lingering: this.#lingering,
      callbackFailed: callbackErrors(this.#options),
      find: (id, caller) => {
        const found = this.#byId.get(id);
        if (found === undefined) throw new MillraceError('ERR_OBJECT', noObject(id));
        return found.target(caller);
      },
      revive: (uri) => remoteOver(binding(uri, { auth: auth ?? null, tls: tls ?? null, classes })),
      closed: () => {
        this.#sessions.delete(session);
        if (this.#sessions.size === 0) for (const left of this.#left) left();
      },
    });
    this.#sessions.add(session);
  }
}

function noObject(id: string): string {
  return `no object is registered as '${id.slice(0, 200)}': check its id, and that its daemon still has it`;
}

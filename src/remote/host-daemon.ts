/**
 * The daemon of a server as the host has it: objects of the host are registered there, so that they are called at the server's address, and the names that the
 * server keeps are asked. Everything goes over one connection to the server, and ends with it.
 */
import type { Address } from '../base/address.ts';
import { MillraceError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import { type CallbackErrors, callbackErrors, telling } from './callback-errors.ts';
import type { Remote } from './caller.ts';
import { control } from './control.ts';
import type { RegisterOptions } from './daemon.ts';
import { instancesBySession } from './hosted-instances.ts';
import { type HostedObjects, hostedObjects } from './hosted-objects.ts';
import { checkSubject, type RemoteClass, targetsOf } from './instances.ts';
import { locateNS, type NameServer } from './name-server.ts';
import { checkFunction } from './option-checks.ts';
import { checkOptions, type SharedRemoteOptions } from './options.ts';
import { proxy } from './proxy.ts';
import { mark, type Target } from './target.ts';
import { URI } from './uri.ts';

/** Of `register` at a server: what a `Daemon` takes but `owner`, and who hears of errors of callbacks. */
export interface HostedOptions extends Omit<RegisterOptions, 'owner'>, CallbackErrors {}

const optionNames = ['expose', 'oneway', 'idempotent', 'callback', 'instances', 'name', 'metadata', 'onCallbackError'] as const;

/** Crosses by reference in the place of the object, which may have another mark itself. */
class StandIn {}

export class HostDaemon implements AsyncDisposable {
  readonly #address: Address;
  readonly #options: SharedRemoteOptions;
  readonly #remote: Remote<HostedObjects>;
  readonly #ids: Map<object, string> = new Map();
  #names: Promise<NameServer> | null = null;

  /** By `ServerThread.daemon`. */
  constructor(address: Address, options: SharedRemoteOptions) {
    this.#address = address;
    this.#options = options;
    this.#remote = proxy<HostedObjects>(this.#uri(hostedObjects), options);
  }

  /** The name server at the server's address. */
  get names(): Promise<NameServer> {
    this.#names ??= locateNS(this.#address, undefined, this.#options);
    return this.#names;
  }

  /** Makes an object of this thread, or the instances of a class, callable at the server's address; resolves with its URI, after its name is stored. @throws ERR_OBJECT, ERR_NOT_EXPOSED, ERR_OPTION, ERR_NAME */
  async register(subject: object | RemoteClass, id: string = `obj_${newId()}`, options?: HostedOptions): Promise<string> {
    const { instances, name, metadata, onCallbackError, ...exposing } = checkOptions(options, optionNames, 'register()');
    checkFunction(onCallbackError, 'onCallbackError');
    checkSubject(subject, instances);
    if (this.#ids.has(subject)) throw new MillraceError('ERR_OBJECT', `this object is registered already, as '${this.#ids.get(subject)}'`);
    const mode = instances ?? 'session';
    const failed = callbackErrors(onCallbackError === undefined ? {} : { onCallbackError });
    const bare = targetsOf(subject, mode, exposing);
    const targets = (session: object | null): Target => telling(bare(session), failed);
    const bySession = typeof subject === 'function' && mode === 'session';
    const target = targets(null);
    const standIn = new StandIn();
    mark(standIn, bySession ? instancesBySession(targets) : target);
    this.#ids.set(subject, id);
    const { methods, attributes, oneway, idempotent } = target.exposure;
    const facts = {
      methods: [...methods],
      attributes: [...attributes],
      oneway: [...oneway],
      idempotent: [...idempotent],
      ...(bySession ? { bySession } : {}),
    };
    try {
      return await this.#remote.register(id, standIn, facts, {
        ...(name === undefined ? {} : { name }),
        ...(metadata === undefined ? {} : { metadata }),
      });
    } catch (error) {
      this.#ids.delete(subject);
      throw error;
    }
  }

  /** @throws ERR_OBJECT */
  async unregister(subjectOrId: object | string): Promise<void> {
    const id = this.#idOf(subjectOrId);
    await this.#remote.unregister(id);
    for (const [subject, known] of this.#ids) if (known === id) this.#ids.delete(subject);
  }

  /** @throws ERR_OBJECT */
  uriFor(subjectOrId: object | string): string {
    return this.#uri(this.#idOf(subjectOrId));
  }

  /** What was registered is gone; the server stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    control(this.#remote).release();
    const names = await this.#names?.catch(() => null);
    names?.release();
  }

  #idOf(subjectOrId: object | string): string {
    const id = typeof subjectOrId === 'string' ? subjectOrId : this.#ids.get(subjectOrId);
    if (id !== undefined) return id;
    throw new MillraceError('ERR_OBJECT', 'this object is not registered here');
  }

  #uri(id: string): string {
    const { host, port, path } = this.#address as { host: string; port: number; path?: string };
    return URI.of(id, path === undefined ? { host, port } : { path }).toString();
  }
}

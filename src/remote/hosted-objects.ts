/**
 * Objects that live elsewhere, in the host of a server or in any process that has its key, and are registered at a daemon all the same: who calls them there is
 * passed on over the connection of who registered them, with which they are freed. The object `mill.objects` of a server's daemon.
 */
import { MillraceError } from '../base/errors.ts';
import { callerOf } from './caller.ts';
import { currentCall } from './current-call.ts';
import type { Daemon } from './daemon.ts';
import { type Exposure, notExposed } from './exposure.ts';
import { type Relayed, tellingSessions } from './hosted-instances.ts';
import { mark, type Target } from './target.ts';

export const hostedObjects = 'mill.objects';

/** What of a hosted object may be called, as it crosses. */
export interface HostedFacts {
  readonly methods: readonly string[];
  readonly attributes: readonly string[];
  readonly oneway: readonly string[];
  readonly idempotent: readonly string[];
  /** It stands for a class with an instance for each connection; absent: for one object. */
  readonly bySession?: boolean;
}

export interface HostedName {
  readonly name?: string;
  readonly metadata?: readonly string[];
}

export class HostedObjects {
  readonly #daemon: Daemon;

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  /** Registers what stands for the object of the caller; its URI. @throws ERR_OBJECT, ERR_NAME */
  async register(id: string, object: object, facts: HostedFacts, { name, metadata }: HostedName): Promise<string> {
    const owner = currentCall();
    const caller = callerOf(object);
    if (caller === undefined || caller.uri !== undefined)
      throw new MillraceError('ERR_OBJECT', 'only what is passed by reference can be hosted');
    mark(object, relay(facts.bySession === true ? tellingSessions(caller) : caller, exposureFrom(facts)));
    const uri = this.#daemon.register(object, id, {
      owner,
      ...(name === undefined ? {} : { name }),
      ...(metadata === undefined ? {} : { metadata }),
    });
    if (name !== undefined) await this.#daemon.named();
    return uri;
  }

  /** @throws ERR_OBJECT */
  async unregister(id: string): Promise<void> {
    this.#daemon.unregister(String(id));
    await this.#daemon.named();
  }
}

function exposureFrom({ methods, attributes, oneway, idempotent }: HostedFacts): Exposure {
  const names = (list: unknown): Set<string> => {
    if (Array.isArray(list) && list.every((name) => typeof name === 'string')) return new Set(list as string[]);
    throw new MillraceError('ERR_OBJECT', 'the description of a hosted object is malformed');
  };
  return {
    methods: names(methods),
    attributes: names(attributes),
    oneway: names(oneway),
    idempotent: names(idempotent),
    callback: new Set(),
  };
}

function relay(caller: Relayed, exposure: Exposure): Target {
  const attribute = (name: string): string => {
    if (exposure.attributes.has(name)) return name;
    throw notExposed(name, 'attribute', exposure);
  };
  return {
    call(method, args) {
      if (!exposure.methods.has(method)) throw notExposed(method, 'method', exposure);
      return caller.call(method, args, { timeout: null, signal: currentCall().signal });
    },
    get: (name) => caller.get(attribute(name)),
    set: (name, value) => caller.set(attribute(name), value),
    exposure,
  };
}

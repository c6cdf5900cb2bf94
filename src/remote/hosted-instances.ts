/**
 * A class of the host with one instance for each connection to the server's daemon: the server says with each call whose it is, and when that connection has
 * ended; the host makes an instance at the first call of one and forgets it then. No call costs a round trip more than one of a single object.
 */
import { MillraceError } from '../base/errors.ts';
import type { CallBounds } from './caller.ts';
import { currentCall } from './current-call.ts';
import { type Exposure, nothing } from './exposure.ts';
import type { Target } from './target.ts';

/** What calls of a hosted object go to. */
export interface Relayed {
  call(method: string, args: unknown[], bounds?: CallBounds): Promise<unknown>;
  get(name: string): Promise<unknown>;
  set(name: string, value: unknown): Promise<unknown>;
}

const steps: Exposure = { ...nothing, methods: new Set(['call', 'get', 'set', 'end']) };

/** The host's side. `targets` gives what answers the calls of one connection: of whatever stands for it. */
export function instancesBySession(targets: (session: object) => Target): Target {
  const sessions = new Map<string, object>();
  const targetOf = (session: string): Target => {
    const known = sessions.get(session) ?? {};
    sessions.set(session, known);
    return targets(known);
  };
  const refuse = (): never => {
    throw new MillraceError('ERR_OBJECT', 'this stands for the instances of a class: only the daemon of the server calls it');
  };
  return {
    call(step, [session, name, ...args]) {
      const [of, named] = [String(session), String(name)];
      switch (step) {
        case 'call':
          return targetOf(of).call(named, args);
        case 'get':
          return targetOf(of).get(named);
        case 'set':
          return targetOf(of).set(named, args[0]);
        case 'end':
          sessions.delete(of);
          return undefined;
      }
      return refuse();
    },
    get: refuse,
    set: refuse,
    exposure: steps,
  };
}

/** The server's side: passes each call on with the connection on which it came. */
export function tellingSessions(maker: Relayed): Relayed {
  const told = new Set<string>();
  const session = (): string => {
    const call = currentCall();
    const id = call.session;
    if (told.has(id)) return id;
    told.add(id);
    call.onEnd(() => {
      told.delete(id);
      // Where the host is gone, its instances are too.
      maker.call('end', [id]).catch(() => {});
    });
    if (told.has(id)) return id;
    throw new MillraceError('ERR_CONNECTION_CLOSED', 'the caller of this method is gone');
  };
  return {
    call: (method, args, bounds) => maker.call('call', [session(), method, ...args], bounds),
    get: (name) => maker.call('get', [session(), name]),
    set: (name, value) => maker.call('set', [session(), name, value]),
  };
}

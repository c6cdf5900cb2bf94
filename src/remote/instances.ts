/** Which object answers a call: the one that was registered, or an instance of a class, for each connection, for all, or for each call. */
import { MillraceError } from '../base/errors.ts';
import { callerOf } from './caller.ts';
import { type ExposeOptions, exposureOf } from './exposure.ts';
import { markedTarget, objectTarget, type Target } from './target.ts';

export type InstanceMode = 'session' | 'single' | 'percall';

const instanceModes: readonly InstanceMode[] = ['session', 'single', 'percall'];

/** A class whose instances are made without arguments. */
export type RemoteClass = new () => object;

/** What is registered, and how. @throws ERR_OBJECT, ERR_OPTION */
export function checkSubject(subject: unknown, instances: InstanceMode | undefined): void {
  if ((typeof subject !== 'object' && typeof subject !== 'function') || subject === null)
    throw new MillraceError('ERR_OBJECT', 'register() takes an object or a class');
  if (typeof subject === 'function' && (typeof subject.prototype !== 'object' || subject.prototype === null))
    throw new MillraceError('ERR_OBJECT', 'register() takes an object or a class; a function is passed as an argument or a result');
  if (instances === undefined || (instanceModes.includes(instances) && typeof subject === 'function')) return;
  throw new MillraceError('ERR_OPTION', "instances is 'session', 'single' or 'percall', and only for a class", {
    details: { option: 'instances' },
  });
}

export const always =
  (target: Target): (() => Target) =>
  () =>
    target;

/** What answers the calls of a session: of whatever stands for one connection. */
export function targetsOf(subject: object, mode: InstanceMode, exposing: ExposeOptions): (session: object | null) => Target {
  if (typeof subject === 'function') return instancesOf(subject as RemoteClass, mode, exposing);
  return always(markOf(subject, exposing));
}

/** How an object crosses by reference. What stands for one elsewhere says itself what of it may be called. */
export function markOf(subject: object, exposing: ExposeOptions): Target {
  const relay = callerOf(subject) === undefined ? undefined : markedTarget(subject);
  return relay ?? objectTarget(() => subject, exposureOf(subject, exposing));
}

export function instancesOf(make: RemoteClass, mode: InstanceMode, exposing: ExposeOptions): (session: object | null) => Target {
  const exposure = exposureOf(make.prototype as object, exposing);
  if (mode === 'percall') return always(objectTarget(() => new make(), exposure));
  if (mode === 'single') {
    let only: object | null = null;
    return always(
      objectTarget(() => {
        only ??= new make();
        return only;
      }, exposure),
    );
  }
  const bySession = new WeakMap<object, Target>();
  return (session) => {
    const known = session === null ? undefined : bySession.get(session);
    if (known !== undefined) return known;
    let own: object | null = null;
    const target = objectTarget(() => {
      own ??= new make();
      return own;
    }, exposure);
    if (session !== null) bySession.set(session, target);
    return target;
  };
}

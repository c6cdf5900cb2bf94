/** Which object answers a call: the one that was registered, or an instance of a class, for each connection, for all, or for each call. */
import { type ExposeOptions, exposureOf } from './exposure.ts';
import { objectTarget, type Target } from './target.ts';

export type InstanceMode = 'session' | 'single' | 'percall';

export const instanceModes: readonly InstanceMode[] = ['session', 'single', 'percall'];

/** A class whose instances are made without arguments. */
export type RemoteClass = new () => object;

export const always =
  (target: Target): (() => Target) =>
  () =>
    target;

/** `session`: whatever stands for one connection. */
export function instancesOf(make: RemoteClass, mode: InstanceMode, exposing: ExposeOptions): (session: object) => Target {
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
    const known = bySession.get(session);
    if (known !== undefined) return known;
    let own: object | null = null;
    const target = objectTarget(() => {
      own ??= new make();
      return own;
    }, exposure);
    bySession.set(session, target);
    return target;
  };
}

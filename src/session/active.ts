/**
 * Which session is active: a stack that belongs to the asynchronous context, so that two flows of a program which each have a session do not take each
 * other's. Below all of it stands the default session of the program, if it has one.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { RainException } from './exceptions.ts';
import type { Home } from './records.ts';

interface Frame {
  readonly home: Home;
  readonly below: Frame | null;
}

const stack = new AsyncLocalStorage<Frame | null>();
const fallback: { home: Home | null } = { home: null };

/** Runs `body` with this session active, also in what it awaits and starts. */
export function withActive<T>(home: Home, body: () => T): T {
  return stack.run({ home, below: stack.getStore() ?? null }, body);
}

/** Whether the session is anywhere on the stack of this context, or the default one. */
export function isActive(home: Home): boolean {
  for (let frame = stack.getStore() ?? null; frame !== null; frame = frame.below) if (frame.home === home) return true;
  return fallback.home === home;
}

export function setDefault(home: Home): void {
  fallback.home = home;
}

/** A closed session is the default no more. */
export function clearDefault(home: Home): void {
  if (fallback.home === home) fallback.home = null;
}

/** @throws RainException when there is none */
export function activeHome(): Home {
  const home = stack.getStore()?.home ?? fallback.home;
  if (home !== null) return home;
  throw new RainException('no session is active: make this inside session.run() or session.bindOnly(), or call session.setAsDefault()', {
    code: 'ERR_SESSION',
  });
}

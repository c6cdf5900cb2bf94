import { expect, test } from 'vitest';
import { blob } from '../../src/session/blob.ts';
import { SessionException } from '../../src/session/exceptions.ts';
import { getActiveSession } from '../../src/session/session.ts';
import { localSession, thrown } from './homes.ts';

test('without an active session nothing can be made', () => {
  expect(thrown(() => blob('x')).code).toBe('ERR_SESSION');
  expect(thrown(getActiveSession).message).toMatch(/session.run\(\) or session.bindOnly\(\)/);
});

test('a session is active within its block, an inner one within its own, and then the outer one again', async () => {
  const { session: a } = localSession(1);
  const { session: b } = localSession(2);
  await a.bindOnly(async () => {
    expect(getActiveSession()).toBe(a);
    await b.bindOnly(async () => {
      expect(getActiveSession()).toBe(b);
      expect([a.active, b.active]).toEqual([true, true]);
    });
    expect([getActiveSession(), b.active]).toEqual([a, false]);
  });
  expect([a.active, b.active]).toEqual([false, false]);
  expect(thrown(getActiveSession).code).toBe('ERR_SESSION');
});

test('two flows of a program that have a session each do not take each other’s', async () => {
  const sessions = [localSession(1).session, localSession(2).session];
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await Promise.all(
    sessions.map((session) =>
      session.bindOnly(async () => {
        for (let i = 0; i < 5; i++) {
          await turn();
          blob('x');
          expect(getActiveSession()).toBe(session);
        }
      }),
    ),
  );
  expect(sessions.map(({ dataobjCount }) => dataobjCount)).toEqual([5, 5]);
});

test('bindOnly gives what its body gives, throws what it throws, and may be used again', async () => {
  const { session } = localSession();
  expect(await session.bindOnly((own) => own === session)).toBe(true);
  await expect(
    session.bindOnly(() => {
      throw new Error('mine');
    }),
  ).rejects.toThrow('mine');
  await session.bindOnly(() => blob('x'));
  expect(session.dataobjCount).toBe(1);
});

test('the default session is active where no other is', async () => {
  const { session: a, home } = localSession(1);
  const { session: b } = localSession(2);
  a.setAsDefault();
  expect([getActiveSession(), a.active]).toEqual([a, true]);
  await b.bindOnly(() => expect(getActiveSession()).toBe(b));
  const closing = a.close();
  expect(home.isOpen).toBe(false);
  expect(thrown(getActiveSession).code).toBe('ERR_SESSION');
  void closing;
});

test('a session that an inner block closed is not active in the outer one any more', async () => {
  const { session } = localSession();
  await session.bindOnly(async () => {
    expect(session.active).toBe(true);
    void session.close();
    expect(session.active).toBe(false);
  });
});

test('a closed session cannot be entered, and nothing can be made in it', async () => {
  const { session } = localSession();
  void session.close();
  await expect(session.bindOnly(() => 1)).rejects.toThrow(SessionException);
  await expect(session.run(() => 1)).rejects.toThrow(/the session is closed/);
  expect(thrown(() => blob('x', { session })).message).toBe('the session is closed');
  expect(thrown(() => session.setAsDefault()).code).toBe('ERR_SESSION');
  expect([session.active, session.dataobjCount]).toEqual([false, 0]);
});

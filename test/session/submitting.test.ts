import { expect, test } from 'vitest';
import { blob } from '../../src/session/blob.ts';
import { localSession } from './homes.ts';

const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'resolved',
    ({ code }: { code?: string }) => code,
  );

test('a submission that is called off before it has begun is none; one on its way is not, and what was not accepted may be submitted again', async () => {
  const { session, conversation } = localSession();
  await session.bindOnly(async () => {
    blob('a');
    expect(await codeOf(session.submit({ signal: AbortSignal.abort() }))).toBe('ERR_ABORTED');
    expect(await codeOf(session.submit({ timeout: 'soon' }))).toBe('ERR_DURATION');
    expect(session.dataobjCount).toBe(1);
    // Nobody listens: it looks for its server until the conversation ends.
    const first = codeOf(session.submit());
    await Promise.resolve();
    expect(session.dataobjCount).toBe(0);
    blob('b');
    expect(await codeOf(session.submit({ timeout: 0.02 }))).toBe('ERR_TIMEOUT');
    const abort = new AbortController();
    const third = codeOf(session.submit({ signal: abort.signal }));
    abort.abort();
    expect(await third).toBe('ERR_ABORTED');
    expect(session.dataobjCount).toBe(1);
    await conversation.close();
    expect(await first).not.toBe('resolved');
    expect(session.dataobjCount).toBe(2);
  });
});

/** What every keeper of persistent sessions promises. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SessionWrites, StoredSessions } from '../../src/store/sessions.ts';

export interface SessionsUnderTest {
  readonly sessions: StoredSessions;
  /** As after a restart. */
  reopen(): Promise<StoredSessions>;
  destroy(): Promise<void>;
}

export function describeSessions(name: string, make: () => Promise<SessionsUnderTest>): void {
  describe(`${name}: the contract of persistent sessions`, () => {
    let under: SessionsUnderTest;
    let sessions: StoredSessions;
    beforeEach(async () => {
      under = await make();
      sessions = under.sessions;
    });
    afterEach(() => under.destroy());

    const write = async (writes: Partial<SessionWrites>): Promise<void> => {
      await sessions.write({ sessions: [], entries: [], closed: [], ...writes });
    };
    const historyOf = async (session: number): Promise<(string | Uint8Array)[]> => {
      const entries: (string | Uint8Array)[] = [];
      for await (const part of sessions.history(session)) entries.push(...part);
      return entries;
    };

    test('sessions and their histories come back as they were written, in order, also after a restart', async () => {
      const n = 2 ** 40 + 2 ** 33 + 7;
      const bodies = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? `{"i":${i},"ä":"\\u0000"}` : Uint8Array.of(0, 255, i)));
      await write({ sessions: [{ n, facts: '"one"' }], entries: bodies.slice(0, 20).map((body) => ({ session: n, body })) });
      await write({ sessions: [{ n: 5, facts: '"other"' }], entries: [{ session: 5, body: 'of the other' }] });
      await write({ sessions: [{ n, facts: '"changed"' }], entries: bodies.slice(20).map((body) => ({ session: n, body })) });
      sessions = await under.reopen();
      expect(await sessions.all()).toEqual([
        { n: 5, facts: '"other"' },
        { n, facts: '"changed"' },
      ]);
      expect(await historyOf(n)).toEqual(bodies);
      expect([await historyOf(5), await historyOf(6)]).toEqual([['of the other'], []]);
    });

    test('a closed session goes with its history, and with nothing of another', async () => {
      for (const n of [1, 2]) await write({ sessions: [{ n, facts: '' }], entries: [{ session: n, body: `of ${n}` }] });
      await write({ closed: [1, 77] });
      sessions = await under.reopen();
      expect([await sessions.all(), await historyOf(1), await historyOf(2)]).toEqual([[{ n: 2, facts: '' }], [], ['of 2']]);
    });
  });
}

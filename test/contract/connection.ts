/**
 * What every carrier of the port `Connection` promises, as one suite: run it with a fixture that makes connected pairs.
 *
 * Pairs are made of real parts of the carrier. Nothing here knows which carrier it is.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Limits } from '../../src/protocol/limits.ts';
import { until } from '../support/until.ts';
import { endingContract } from './connection-end.ts';
import { type ConnectionFixture, type ConnectionPair, Listening, note } from './connection-fixture.ts';

export function connectionContract(carrier: string, makeFixture: () => Promise<ConnectionFixture>): void {
  describe(`a connection over ${carrier}`, () => {
    let fixture: ConnectionFixture;
    const pairs: ConnectionPair[] = [];

    beforeEach(async () => {
      fixture = await makeFixture();
    });

    afterEach(async () => {
      for (const { left, right } of pairs.splice(0)) {
        left.destroy();
        right.destroy();
      }
      await fixture.close();
    });

    async function open(limits?: Partial<Limits>): Promise<ConnectionPair> {
      const pair = await fixture.pair(limits);
      pairs.push(pair);
      return pair;
    }

    test('names itself and knows its peer', async () => {
      const { left, right } = await open();
      expect(left.id).not.toBe(right.id);
      expect(left.peer.role).toBe('server');
      expect(right.peer).toMatchObject({ role: 'client', client: { slots: 2, cores: null, tags: { zone: 'a' } } });
    });

    test('delivers 10,000 messages in order, sent over many ticks', async () => {
      const { left, right } = await open();
      const heard = new Listening(right);
      new Listening(left);
      for (let i = 0; i < 10_000; i++) {
        left.send(note(i));
        if (i % 700 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => heard.messages.length === 10_000);
      expect(heard.values).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    });

    test('carries both directions at once', async () => {
      const { left, right } = await open();
      const atRight = new Listening(right, (message) => right.send(message));
      const atLeft = new Listening(left);
      for (let i = 0; i < 1_000; i++) left.send(note(i));
      await until(() => atLeft.messages.length === 1_000);
      expect(atLeft.values).toEqual(atRight.values);
    });

    test('carries every kind of plain data unchanged, and bytes as bytes', async () => {
      const { left, right } = await open();
      const heard = new Listening(right);
      const values = [null, true, 0, -1, 2 ** 32, 2 ** 53 - 1, 0.1, '', 'ü€😀\0\n', [[], {}], { a: { b: [1, 'x'] } }, 'x'.repeat(70_000)];
      for (const value of values) left.send(note(value));
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
      left.send(note(bytes));
      await until(() => heard.messages.length === values.length + 1);
      expect(heard.values.slice(0, -1)).toEqual(values);
      expect(heard.values.at(-1)).toBeInstanceOf(Uint8Array);
      expect([...(heard.values.at(-1) as Uint8Array)]).toEqual([...bytes]);
    });

    test('sends a message as it was when it was sent', async () => {
      const { left, right } = await open();
      const heard = new Listening(right);
      const value = { step: 1 };
      left.send(note(value));
      value.step = 2;
      await until(() => heard.messages.length === 1);
      expect(heard.values).toEqual([{ step: 1 }]);
    });

    test('carries a message of 8 MiB between small ones', async () => {
      const { left, right } = await open();
      const heard = new Listening(right);
      const large = Buffer.alloc(8 * 1024 * 1024, 7);
      left.send(note('before'));
      left.send(note(large));
      left.send(note('after'));
      await until(() => heard.messages.length === 3);
      expect(heard.values[0]).toBe('before');
      expect(Buffer.compare(heard.values[1] as Uint8Array, large)).toBe(0);
      expect(heard.values[2]).toBe('after');
    });

    test('refuses a message over the frame limit and one that is no plain data, and goes on', async () => {
      const { left, right } = await open({ frame: 1024 * 1024 });
      const heard = new Listening(right);
      expect(() => left.send(note(Buffer.alloc(1024 * 1024)))).toThrowError(expect.objectContaining({ code: 'ERR_FRAME_TOO_LARGE' }));
      for (const bad of [() => 1, Symbol('s'), 10n, new Date(0), new Map([[1, 2]])])
        expect(() => left.send(note(bad)), String(bad)).toThrowError(expect.objectContaining({ code: 'ERR_NOT_CLONEABLE' }));
      let deep: unknown = 1;
      for (let i = 0; i < 100; i++) deep = [deep];
      expect(() => left.send(note(deep))).toThrowError(expect.objectContaining({ code: 'ERR_NOT_CLONEABLE' }));
      left.send(note('fine'));
      await until(() => heard.messages.length === 1);
      expect(heard.values).toEqual(['fine']);
    });

    test('delivers nothing before start, then everything', async () => {
      const { left, right } = await open();
      for (let i = 0; i < 100; i++) left.send(note(i));
      await new Promise((resolve) => setImmediate(resolve));
      const heard = new Listening(right);
      expect(heard.messages).toEqual([]);
      await until(() => heard.messages.length === 100);
    });

    test('stalls the sender while the receiver pauses, tells it when it may go on, and loses nothing', async () => {
      const { left, right } = await open({ highWater: 64 * 1024, lowWater: 16 * 1024 });
      const heard = new Listening(right);
      const sender = new Listening(left);
      right.pause();
      const part = 'x'.repeat(16 * 1024);
      let sent = 0;
      // A socket's kernel buffers take some megabytes before the sender feels anything.
      for (let stalled = false; !stalled; ) {
        const before = sender.drained;
        do sent++;
        while (left.send(note(part)));
        stalled = await until(() => sender.drained > before, 'room', 200).then(
          () => false,
          () => true,
        );
        expect(sent).toBeLessThan(10_000);
      }
      const before = sender.drained;
      expect(left.backlog).toBeGreaterThan(16 * 1024);
      expect(heard.messages).toEqual([]);
      right.resume();
      await until(() => sender.drained === before + 1);
      await until(() => heard.messages.length === sent);
      expect(left.backlog).toBeLessThanOrEqual(64 * 1024);
      expect(left.send(note('more'))).toBe(true);
    });

    test('can be paused from within a message, and hears the next one only after resume', async () => {
      const { left, right } = await open();
      const heard = new Listening(right, () => right.pause());
      for (let i = 0; i < 3; i++) left.send(note(i));
      for (let i = 1; i <= 3; i++) {
        await until(() => heard.messages.length === i);
        await new Promise((resolve) => setImmediate(resolve));
        expect(heard.messages.length).toBe(i);
        right.resume();
      }
      expect(heard.values).toEqual([0, 1, 2]);
    });

    test('can be paused and resumed between messages, again and again, and loses nothing', async () => {
      const { left, right } = await open();
      const heard = new Listening(right);
      new Listening(left);
      for (let i = 0; i < 10; i++) {
        right.pause();
        for (let part = 0; part < 5; part++) left.send(note('x'.repeat(50_000)));
        // Some of it is at the door before the role listens again.
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
        expect(heard.messages.length).toBe(5 * i);
        right.resume();
        await until(() => heard.messages.length === 5 * (i + 1));
      }
    });

    test('sends at once what is flushed, and each message once', async () => {
      const { left, right } = await open();
      const heard = new Listening(right);
      new Listening(left);
      left.send(note(1));
      left.flush?.();
      left.send(note(2));
      left.send(note(3));
      left.flush?.();
      left.flush?.();
      await until(() => heard.messages.length === 3);
      left.send(note(4));
      await until(() => heard.messages.length === 4);
      expect(heard.values).toEqual([1, 2, 3, 4]);
    });

    test('ends a peer that reads so slowly that more than the limit waits for it', async () => {
      const { left, right } = await open({ highWater: 64 * 1024, queued: 8 * 1024 * 1024 });
      const sender = new Listening(left);
      const heard = new Listening(right);
      right.pause();
      const part = 'x'.repeat(128 * 1024);
      for (let i = 0; i < 400 && sender.ends.length === 0; i++) {
        left.send(note(part));
        if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await until(() => sender.ends.length === 1);
      expect(sender.ends[0]).toMatchObject({ code: 'ERR_SLOW_PEER' });
      right.resume();
      await until(() => heard.ends.length === 1);
    });

    endingContract(open);

    test('moves lastReceived when something comes, and counts its own pause as no silence', async () => {
      const { left, right } = await open();
      const heard = new Listening(right);
      new Listening(left);
      const before = right.lastReceived;
      await until(() => performance.now() > before + 5);
      left.send(['heartbeat']);
      await until(() => heard.messages.length === 1);
      const after = right.lastReceived;
      expect(after).toBeGreaterThan(before);
      right.pause();
      await until(() => performance.now() > after + 5);
      expect(right.lastReceived).toBeGreaterThan(after);
    });

    test('does not mix connections', async () => {
      const ends: Listening[] = [];
      const opened: ConnectionPair[] = [];
      for (let i = 0; i < 8; i++) {
        const pair = await open();
        opened.push(pair);
        ends.push(new Listening(pair.right, (message) => pair.right.send(message)), new Listening(pair.left));
      }
      for (let round = 0; round < 200; round++) for (const [i, { left }] of opened.entries()) left.send(note([i, round]));
      await until(() => ends.every((end) => end.messages.length === 200));
      for (const [i, end] of ends.entries()) expect(end.values).toEqual(Array.from({ length: 200 }, (_, round) => [i >> 1, round]));
      opened[0]!.left.destroy();
      await until(() => ends[0]!.ends.length === 1);
      opened[1]!.left.send(note('still here'));
      await until(() => ends[3]!.values.includes('still here'));
    });
  });
}

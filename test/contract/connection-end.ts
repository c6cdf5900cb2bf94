/** How connections end: the part of the contract about `close`, `destroy` and `closed`. */
import { expect, test } from 'vitest';
import { MillraceError } from '../../src/base/errors.ts';
import { until } from '../support/until.ts';
import { Listening, note, type OpenPair } from './connection-fixture.ts';

export function endingContract(open: OpenPair): void {
  test('delivers what was queued when it is closed, and tells both sides once that all is well', async () => {
    const { left, right } = await open();
    const atLeft = new Listening(left);
    const atRight = new Listening(right);
    for (let i = 0; i < 1_000; i++) left.send(note(i));
    left.close();
    left.close();
    await until(() => atRight.ends.length === 1 && atLeft.ends.length === 1);
    expect(atRight.messages.length).toBe(1_000);
    expect([...atLeft.ends, ...atRight.ends]).toEqual([null, null]);
    left.destroy();
    right.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect([atLeft.ends.length, atRight.ends.length]).toEqual([1, 1]);
  });

  test('is closed in good order when both sides close at once', async () => {
    const { left, right } = await open();
    const ends = [new Listening(left), new Listening(right)];
    left.close();
    right.close();
    await until(() => ends.every((end) => end.ends.length === 1));
    expect(ends.map((end) => end.ends[0])).toEqual([null, null]);
  });

  test('gives a paused receiver what was sent before the close, when it resumes', async () => {
    const { left, right } = await open();
    const heard = new Listening(right);
    new Listening(left);
    right.pause();
    left.send(note('last words'));
    left.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard.messages).toEqual([]);
    right.resume();
    await until(() => heard.ends.length === 1);
    expect(heard.values).toEqual(['last words']);
    expect(heard.ends).toEqual([null]);
  });

  test('is cut by destroy: the own side gets its error, the other learns that the connection is lost', async () => {
    const { left, right } = await open();
    const atLeft = new Listening(left);
    const atRight = new Listening(right);
    left.destroy(new MillraceError('ERR_SLOW_PEER', 'as a test'));
    expect(atLeft.ends, 'closed was called from within destroy').toEqual([]);
    await until(() => atLeft.ends.length === 1 && atRight.ends.length === 1);
    expect(atLeft.ends[0]).toMatchObject({ code: 'ERR_SLOW_PEER', message: 'as a test' });
    expect(atRight.ends[0]).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });

  test('delivers nothing more after destroy, not even the rest of the same frame', async () => {
    const { left, right } = await open();
    const heard = new Listening(right, () => right.destroy());
    for (let i = 0; i < 10; i++) left.send(note(i));
    await until(() => heard.ends.length === 1);
    expect(heard.values).toEqual([0]);
  });

  test('drops what is sent after it was closed', async () => {
    const { left, right } = await open();
    const heard = new Listening(right);
    new Listening(left);
    left.send(note('in time'));
    left.close();
    expect(left.send(note('too late'))).toBe(false);
    await until(() => heard.ends.length === 1);
    expect(heard.values).toEqual(['in time']);
    expect(right.send(note('to nobody'))).toBe(false);
  });

  test('tells a side that starts late that the connection is over', async () => {
    const { left, right } = await open();
    new Listening(left);
    left.send(note('hello'));
    left.close();
    await new Promise((resolve) => setImmediate(resolve));
    const heard = new Listening(right);
    await until(() => heard.ends.length === 1);
    expect(heard.values).toEqual(['hello']);
    expect(heard.ends).toEqual([null]);
  });
}

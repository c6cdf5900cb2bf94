import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readValue } from '../../../../src/local/value.ts';
import { encodeValue } from '../../../../src/task/value.ts';
import { execution, until } from '../harness.ts';
import { call, errorOf, functions, openFunctions, resultOf } from './open-functions.ts';

describe('progress', () => {
  it('of a call is told while it runs, and its last word before its end', async () => {
    const { run, ends } = openFunctions();
    await run(call('says', [{ done: 0.5 }, { done: 1 }], 80));
    expect(ends.words.map(({ word, ended }) => [word, ended])).toEqual([
      [{ done: 0.5 }, false],
      [{ done: 1 }, false],
    ]);
  });

  it('of a thread is told every 50 ms at most: of many words only the last', async () => {
    const { run, ends } = openFunctions();
    const words = Array.from({ length: 10_000 }, (_, i) => i);
    const from = performance.now();
    await run(call('says', words), call('says', ['next']));
    const { words: told } = ends;
    expect(told.length).toBeLessThanOrEqual(3 + (performance.now() - from) / 50);
    expect(told.filter(({ word }) => word !== 'next').at(-1)!.word).toBe(9_999);
    expect(told.at(-1)).toMatchObject({ word: 'next', ended: false });
  });

  it('over 64 KiB is refused inside the function, and nothing else happens', async () => {
    const { run, ends } = openFunctions();
    const [end, fits, cloned] = await run(
      call('says', ['x'.repeat(64 * 1024)]),
      call('says', ['x'.repeat(64 * 1024 - 2)]),
      call('says', [new Map()]),
    );
    expect(errorOf(end)).toBe('ERR_FRAME_TOO_LARGE');
    expect([resultOf(fits), resultOf(cloned)]).toEqual([1, 1]);
    expect(ends.words.at(-1)!.word).toEqual(new Map());
  });
});

describe('log', () => {
  it('writes lines, formatted as by util.format, into stdout and to the logger with the id of the task', async () => {
    const { run, logged } = openFunctions();
    const one = call('logs', ['%s of %d', 'one', 2, { more: [1] }], ['second']);
    const [end] = await run(one);
    expect(end!.extra).toEqual({ stdout: 'one of 2 { more: [ 1 ] }\nsecond\n' });
    expect(logged.map(({ facts }) => facts)).toContainEqual({ id: one.id, attempt: 1, slot: 0 });
    expect(logged.map(({ text }) => text).join('\n')).toBe('one of 2 { more: [ 1 ] }\nsecond');
  });

  it('is cut at the limit, between characters, and says so', async () => {
    const { run } = openFunctions({}, { log: 8 });
    const [cut, whole] = await run(call('logs', ['12345'], ['6é']), call('logs', ['1234567']));
    expect(cut!.extra).toEqual({ stdout: '12345\n6', truncated: true });
    expect(whole!.extra).toEqual({ stdout: '1234567\n' });
  });

  it('is dropped with a limit of 0', async () => {
    const [end] = await openFunctions({}, { log: 0 }).run(call('logs', ['nothing']));
    expect(end!.extra).toBeNull();
  });

  it('keeps what is no text as bytes', async () => {
    const [end] = await openFunctions().run(call('logs', ['a\0b']));
    expect(end!.extra!.stdout).toEqual(Uint8Array.from(Buffer.from('a\0b\n')));
  });

  it('stays when the function throws, ends its thread or is killed', async () => {
    const { run, executor, ends, begun } = openFunctions();
    const [thrown, exited] = await run(call('logsAnd', 'first', 'throw'), call('logsAnd', 'second', 'exit'));
    expect(thrown!.extra).toMatchObject({ stdout: 'first\n', error: { message: 'after the log' } });
    expect(exited!.extra).toMatchObject({ stdout: 'second\n', error: { code: 'ERR_WORKER_CRASHED' } });
    const killed = call('logsAnd', 'third', 'spin', begun);
    executor.start(0, [killed]);
    await until(() => existsSync(begun), 'the call has begun');
    executor.signal(0, 'SIGKILL');
    expect(await ends.of(killed.key)).toMatchObject({ extra: { stdout: 'third\n', signal: 'SIGKILL' } });
  });
});

describe('the context', () => {
  it('knows group and tags of the task, and that it depends on nothing', async () => {
    const { run } = openFunctions();
    const [bare, tagged] = await run(call('facts'), execution(`${functions}#facts`, { group: 3, tags: { site: 'a', n: 1 } }));
    expect(resultOf(bare)).toEqual({ group: 0, tags: {}, parents: [] });
    expect(resultOf(tagged)).toEqual({ group: 3, tags: { site: 'a', n: 1 }, parents: [] });
  });

  it('gives what the parents gave, in order', async () => {
    const parents = [
      { id: 'p1', outcome: 1, value: encodeValue(new Map([[1, 2]])), stdout: null },
      { id: 'p2', outcome: 2, value: null, stdout: 'out\n' },
      { id: '', outcome: 0, value: null, stdout: Uint8Array.of(65) },
    ];
    const [end] = await openFunctions().run(execution(`${functions}#facts`, { parents }));
    expect(resultOf(end)).toMatchObject({
      parents: [
        { id: 'p1', outcome: 'succeeded', value: new Map([[1, 2]]), stdout: '' },
        { id: 'p2', outcome: 'failed', value: undefined, stdout: 'out\n' },
        { id: '', outcome: null, value: undefined, stdout: 'A' },
      ],
    });
  });

  it('empties the buffers that go with a value, and refuses what cannot leave the process', async () => {
    const { run } = openFunctions({ slots: 1 });
    const [value, left, port] = await run(call('gives', 100_000), call('givenAway'), call('givesPort'));
    expect(resultOf(value)).toEqual(new Uint8Array(100_000).fill(7));
    expect(resultOf(left)).toBe(0);
    expect(errorOf(port)).toBe('ERR_NOT_CLONEABLE');
  });
});

describe('a value over the limit', () => {
  it.each([
    ['of JSON', 'é'.repeat(600), '.json'],
    ['of bytes', new Uint8Array(1_500).fill(3), '.msgpack'],
  ])('%s is in a file of this user alone, which the end names and readValue reads', async (_, value, ending) => {
    const { run } = openFunctions({}, { value: 1_024 });
    const one = call('same', value);
    const [end, small] = await run(one, call('same', 'x'.repeat(1_000)));
    const { valuePath } = end!.extra!;
    expect(end!.extra).toEqual({ valuePath });
    expect(valuePath).toContain(`${one.id}.1${ending}`);
    expect(await readValue(valuePath!)).toEqual(value);
    expect([statSync(valuePath!).mode & 0o777, statSync(dirname(valuePath!)).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(resultOf(small)).toBe('x'.repeat(1_000));
  });

  it('gets a new folder when the first is gone, and outlives the executor', async () => {
    const { run, executor, folder, files } = openFunctions({ slots: 1 }, { value: 10 });
    const value = 'x'.repeat(100);
    const [first] = await run(call('same', value));
    const { rmSync } = await import('node:fs');
    rmSync(dirname(first!.extra!.valuePath!), { recursive: true });
    const [second] = await run(call('same', value));
    await executor.close();
    expect(await readValue(second!.extra!.valuePath!)).toBe(value);
    expect(readdirSync(folder)).toHaveLength(1);
    expect(files()).toHaveLength(2);
  });

  it('that no file can be written for fails its call with a code', async () => {
    const { run } = openFunctions({ limits: { value: 10, log: 0, folder: '/no/such/folder' } } as object);
    expect(errorOf((await run(call('same', 'x'.repeat(100))))[0])).toBe('ERR_FRAME_TOO_LARGE');
  });

  it('is refused by readValue with a code where there is none', async () => {
    await expect(readValue('/no/such/file.json')).rejects.toMatchObject({ code: 'ERR_NOT_FOUND' });
    await expect(readValue(new URL(functions).pathname)).rejects.toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
  });
});

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { execution, until } from '../harness.ts';
import { call, errorOf, functions, openFunctions, resultOf } from './open-functions.ts';

const linesOf = (path: string): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : []);

describe('a call of a batch that is cancelled', () => {
  it('while it runs takes none of the others with it, and none of them runs twice', async () => {
    const { executor, ends, begun, folder } = openFunctions({ slots: 1 });
    const notes = `${folder}/notes`;
    const before = Array.from({ length: 20 }, (_, i) => call('notes', notes, `before ${i}`));
    const busy = call('busy', begun);
    const after = Array.from({ length: 20 }, (_, i) => call('notes', notes, `after ${i}`));
    executor.start(0, [...before, busy, ...after]);
    await until(() => existsSync(begun), 'the call has begun');
    executor.signal(0, 'SIGKILL', busy.key);
    await until(() => ends.all.length === 41, 'all of them have ended or are given back');
    expect(await ends.of(busy.key)).toMatchObject({ outcome: 'failed', extra: { signal: 'SIGKILL' } });
    const again = after.filter(({ key }) => ends.all.some((end) => end.key === key && end.notStarted !== undefined));
    expect(again).toEqual(after);
    executor.start(
      0,
      again.map((one) => ({ ...one, key: one.key + 1_000 })),
    );
    for (const { key } of again) expect((await ends.of(key + 1_000)).outcome).toBe('succeeded');
    for (const { key } of before) expect((await ends.of(key)).outcome).toBe('succeeded');
    expect(linesOf(notes)).toEqual([...before.map((_, i) => `before ${i}`), ...after.map((_, i) => `after ${i}`)]);
  });

  it('before it began never begins; the others end as if nothing was', async () => {
    const { executor, ends, folder } = openFunctions({ slots: 1 });
    const notes = `${folder}/notes`;
    const calls = [call('notes', notes, 'a', `${folder}/gate`), call('notes', notes, 'b'), call('notes', notes, 'c')];
    executor.start(0, calls);
    await until(() => linesOf(notes).length === 1, 'the first call has begun');
    executor.signal(0, 'SIGKILL', calls[1]!.key);
    writeFileSync(`${folder}/gate`, '');
    const [a, b, c] = await Promise.all(calls.map(({ key }) => ends.of(key)));
    expect([resultOf(a), resultOf(c)]).toEqual(['a', 'c']);
    expect(b).toMatchObject({ outcome: 'failed', extra: { signal: 'SIGKILL' } });
    expect(b!.notStarted).toBeUndefined();
    expect(linesOf(notes)).toEqual(['a', 'c']);
  });

  it('before it began does not begin in the next thread either, when the first one dies', async () => {
    const { executor, ends, folder } = openFunctions({ slots: 1 });
    const notes = `${folder}/notes`;
    const calls = [call('notes', notes, 'a', `${folder}/gate`), call('exits'), call('notes', notes, 'b'), call('notes', notes, 'c')];
    executor.start(0, calls);
    await until(() => linesOf(notes).length === 1, 'the first call has begun');
    executor.signal(0, 'SIGKILL', calls[2]!.key);
    writeFileSync(`${folder}/gate`, '');
    expect(resultOf(await ends.of(calls[3]!.key))).toBe('c');
    expect(errorOf(await ends.of(calls[1]!.key))).toBe('ERR_WORKER_CRASHED');
    expect(await ends.of(calls[2]!.key)).toMatchObject({ extra: { signal: 'SIGKILL' } });
    expect(linesOf(notes)).toEqual(['a', 'c']);
  });

  it('after its end changes nothing', async () => {
    const { executor, ends, folder } = openFunctions({ slots: 1 });
    const calls = [call('add', 1, 1), call('slowly', 60, 'second'), call('notes', `${folder}/notes`, 'third')];
    executor.start(0, calls);
    await ends.of(calls[0]!.key);
    executor.signal(0, 'SIGKILL', calls[0]!.key);
    expect(resultOf(await ends.of(calls[1]!.key))).toBe('second');
    expect(resultOf(await ends.of(calls[2]!.key))).toBe('third');
  });
});

describe('a thread', () => {
  it('that is out of memory names its limits, and its neighbours succeed', async () => {
    const { run, executor, ends } = openFunctions({ resourceLimits: { maxOldGenerationSizeMb: 24 } });
    const neighbour = call('slowly', 300, 'neighbour');
    executor.start(1, [neighbour]);
    const [end, after] = await run(call('memory'), call('add', 2, 2));
    expect(end!.extra!.error).toMatchObject({ code: 'ERR_WORKER_CRASHED' });
    expect(end!.extra!.error!.message).toContain('maxOldGenerationSizeMb 24');
    expect([resultOf(after), resultOf(await ends.of(neighbour.key))]).toEqual([4, 'neighbour']);
  });

  it.each([
    ['an error in a timer', 'leavesError'],
    ['a rejection', 'leavesRejection'],
    ['process.exit()', 'leavesExit'],
  ])('in which a call that has ended left %s goes on with the call that runs there now', async (_, name) => {
    const ends = await openFunctions({ slots: 1 }).run(call('count'), call(name), call('slowly', 80, 'innocent'), call('count'));
    expect(ends.map(resultOf)).toEqual([1, 'done', 'innocent', 2]);
  });
});

describe('a module', () => {
  const module = (file: string, name: string): string => `${new URL(file, functions).href}#${name}`;

  it('may be CommonJS: its function, its default one level down, and names that Node does not find', async () => {
    const run = (command: string, ...args: unknown[]) => execution(command, { input: JSON.stringify(args) });
    const ends = await openFunctions().run(
      run(module('plain.cjs', 'default'), 'text'),
      run(module('compiled.cjs', 'default'), 6, 7),
      run(module('compiled.cjs', 'named')),
      run(module('compiled.cjs', 'hidden')),
    );
    expect(ends.map(resultOf)).toEqual(['plain text', 42, 'named', 'hidden']);
  });

  it.each([
    ['a generator', 'generates', 'ERR_NOT_CLONEABLE', 'array'],
    ['an asynchronous generator', 'generatesLater', 'ERR_NOT_CLONEABLE', 'array'],
    ['an instance of a class', 'instance', 'ERR_NOT_CLONEABLE', 'Thing'],
    ['a class', 'Thing', 'ERR_EXPORT_NOT_FOUND', 'class'],
  ])('that gives %s fails its call with a code and what to do', async (_, name, code, word) => {
    const [end] = await openFunctions().run(call(name));
    expect(end!.extra!.error).toMatchObject({ code, message: expect.stringContaining(word) });
  });

  it('may print: nothing of it reaches the result', async () => {
    const [end] = await openFunctions().run(call('prints', 'printed by a test of functions'));
    expect(end!.extra).toEqual({ value: '"printed by a test of functions"' });
  });
});

describe('an error', () => {
  it('keeps its causes', async () => {
    const [end] = await openFunctions().run(call('failsWithCause'));
    expect(end!.extra!.error).toMatchObject({
      message: 'outer',
      cause: { name: 'RangeError', message: 'inner', cause: { message: 'innermost', code: null } },
    });
  });

  it('that cannot even be shown as text fails its own call only', async () => {
    const ends = await openFunctions().run(call('throwsMonster'), call('add', 1, 1));
    expect(ends.map(({ outcome }) => outcome)).toEqual(['failed', 'succeeded']);
  });
});

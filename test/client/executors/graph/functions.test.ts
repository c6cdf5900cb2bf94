import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { blob, directory, json, pickled } from '../../../../src/session/blob.ts';
import type { Context } from '../../../../src/session/context.ts';
import { DataObject } from '../../../../src/session/data-object.ts';
import { Input, Output, OutputDir } from '../../../../src/session/input-output.ts';
import { remote } from '../../../../src/session/remote.ts';
import { Task } from '../../../../src/session/task.ts';
import { tasks } from '../../../../src/session/tasks.ts';
import { decodeValue } from '../../../../src/task/value.ts';
import { thrown } from '../../../session/homes.ts';
import { until } from '../../../support/until.ts';
import { Here } from './run-here.ts';

const module = new URL('../../../session/fixtures/words.mjs', import.meta.url);
type Instance = import('../../../../src/session/data-instance.ts').DataInstance;

test('a function of a module runs with all that the module imports, also of this library', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const words = remote(module, 'words', { autoLoad: true });
    expect(await here.text(words(blob('one two  three')))).toBe('3');
    expect(await here.text(remote(module.href, 'shout')(words('a b')))).toBe('2');
    const labelled = remote(module, 'labelled', { outputs: ['a', 'b'] })();
    expect([await here.text(labelled.outputs.get('a')), await here.text(labelled.outputs.get('b'))]).toEqual(['first', 'second']);
  });
});

test('the code of a module is one object of its session, however often it is used', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const [words, shout] = [remote(module, 'words', { autoLoad: true }), remote(module, 'shout')];
    const codesOf = (...made: Task[]) => made.map((task) => DataObject.recordOf(task.inputs.get(0)));
    const codes = codesOf(words('a'), words('b'), shout(blob('c')));
    expect(new Set(codes).size).toBe(1);
    const text = Buffer.from(await (codes[0]!.bytes as () => Promise<Uint8Array>)()).toString();
    // With what it imports, but for this library, which clients have.
    expect(text).toMatch(/from "millrace\/graph"/);
    expect(text).not.toMatch(/from "\./);
    const plain = remote(() => 1);
    expect(new Set(codesOf(plain(), plain())).size).toBe(1);
  });
});

test('a function that needs nothing around it is sent as its text', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    expect(await here.text(remote((_context: Context, a: number, b: number) => String(a + b))(2, 3))).toBe('5');
    const named = remote(async function double(_context: Context, text: string) {
      return text + text;
    })('x');
    expect([named.name, await here.text(named)]).toEqual(['double', 'xx']);
  });
});

test('arguments are plain data with data objects at any depth; there the function finds what they hold', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const look = remote(async (_context: Context, list: { deep: Map<string, Instance[]> }, own: Instance) => {
      const [first] = list.deep.get('key') as [Instance];
      return JSON.stringify([await first.getStr(), first.contentType, first.spec.label, await own.load(), own.size]);
    });
    const task = look({ deep: new Map([['key', [blob('hello', 'greeting')]]]) }, tasks.concat([json([1]), blob('')], { name: 'x' }));
    expect(task.inputs.length).toBe(3);
    await expect(here.run(task)).rejects.toThrow(/raw bytes have no value/);
    const typed = look({ deep: new Map([['key', [blob('hello', 'greeting')]]]) }, json([1]));
    expect(JSON.parse(await here.text(typed))).toEqual(['hello', 'text', '', [1], 3]);
  });
});

test('values are loaded for all arguments, or for those that say so, and must be of the type that is asked for', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const shown = (_context: Context, ...args: unknown[]): string =>
      JSON.stringify(args.map((arg) => (arg instanceof Map ? [...arg] : typeof arg)));
    const value = pickled(new Map([[1, 2]]));
    expect(await here.text(remote(shown, { autoLoad: true })(value, [value]))).toBe('[[[1,2]],"object"]');
    expect(await here.text(remote(shown, { inputs: [new Input(null, { load: true })] })(value, value))).toBe('[[[1,2]],"object"]');
    expect(await here.text(remote(shown, { autoLoad: true, inputs: [new Input(null, { load: false })] })(value))).toBe('["object"]');
    const strict = remote(shown, { inputs: [new Input(null, { contentType: 'json' })] });
    expect(thrown(() => strict(value))).toMatchObject({
      code: 'ERR_CONTENT_TYPE',
      message: expect.stringMatching(/'pickle', argument 0 takes 'json'/),
    });
    // What it becomes is known when it is there.
    const open = remote((context: Context) => context.pickled(1))();
    await here.run(open);
    await expect(here.run(strict(open))).rejects.toThrow(/is 'pickle', the function takes 'json'/);
    const raw = remote(shown, { inputs: [new Input(null, { contentType: 'json', load: true })] });
    expect(await here.text(raw(blob(Buffer.from('{}'))))).toBe('["object"]');
  });
});

test('results are bytes, a text, what the context makes, an input, or anything that is encoded', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const bytes = remote(() => new Uint8Array([1, 2]))();
    expect([...(await here.bytes(bytes)), (await here.made(bytes)).contentType]).toEqual([1, 2, null]);
    expect((await here.made(remote(() => 'text')())).contentType).toBe('text');
    const encoded = remote(() => new Map([[1, 2]]), { autoEncode: 'pickle' })();
    expect([decodeValue(await here.bytes(encoded)), encoded.output.contentType]).toEqual([new Map([[1, 2]]), 'pickle']);
    const made = remote((context: Context) => context.blob({ a: 1 }, { encode: 'json' }))();
    expect([await here.text(made), (await here.made(made)).contentType]).toEqual(['{"a":1}', 'json']);
    expect((await here.made(remote((context: Context) => context.pickled(5))())).contentType).toBe('pickle');
    expect(await here.text(remote((context: Context) => context.blob('a text of the context'))())).toBe('a text of the context');
    const passed = await here.run(remote((_context: Context, input: Instance) => input)(blob('same')));
    expect(passed.outputs[0]?.content).toEqual({ input: 1 });
  });
});

test('large results leave their thread as files, staged files as they are', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const large = remote(() => new Uint8Array(20_000_000).fill(7))();
    expect((await here.bytes(large)).length).toBe(20_000_000);
    const staged = remote((context: Context) => {
      const { writeFileSync } = process.getBuiltinModule('node:fs');
      writeFileSync(`${context.folder}/result.txt`, 'from a file');
      return context.stageFile('result.txt', 'text');
    })();
    expect([await here.text(staged), (await here.made(staged)).contentType]).toEqual(['from a file', 'text']);
  });
});

test('a folder is made for a function that looks for it, and for no other', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const made = (): string[] => readdirSync(here.folder).filter((name) => name.startsWith('sandbox-'));
    expect(await here.text(remote((_context: Context, input: Instance) => input.size.toString())(blob('four')))).toBe('4');
    expect(made()).toEqual([]);
    const asked = await here.text(remote((context: Context) => context.folder)());
    expect(made()).toEqual([basename(asked)]);
  });
});

test('directories go in and come out of functions', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const copy = remote(
      async (context: Context, input: Instance) => {
        const { appendFileSync } = process.getBuiltinModule('node:fs');
        await input.write('copy');
        appendFileSync(`${context.folder}/copy/a`, '!');
        return context.directory('copy');
      },
      { outputs: [new OutputDir('out')] },
    );
    const task = copy(tasks.makeDirectory({ a: blob('file') }));
    expect(await here.text(tasks.sliceDirectory(task, 'a'))).toBe('file!');
    const archive = remote(async (_context: Context, input: Instance) => String((await input.getBytes()).length % 512));
    expect(await here.text(archive(tasks.makeDirectory({ a: blob('file') })))).toBe('0');
    await expect(here.run(remote(() => 'x', { outputs: [new OutputDir('d')] })())).rejects.toThrow(/return context.directory/);
    expect(
      (await here.run(remote((_c: Context, d: Instance) => d, { outputs: [new OutputDir('d')] })(await directory()))).outputs,
    ).toHaveLength(1);
  });
});

test('several results come as a list, or by label, and as many as there are outputs', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const two = { outputs: ['x', 'y'] };
    const list = remote(() => ['1', '2'], two)();
    const named = remote(() => ({ y: '2', x: '1' }), two)();
    const map = remote(
      () =>
        new Map([
          ['y', '2'],
          ['x', '1'],
        ]),
      two,
    )();
    for (const task of [list, named, map])
      expect([await here.text(task.outputs.get('x')), await here.text(task.outputs.get('y'))]).toEqual(['1', '2']);
    await expect(here.run(remote(() => ['1'], two)())).rejects.toThrow(/returned 1 values, and has 2 outputs/);
    await expect(here.run(remote(() => ({ x: '1', z: '2' }), two)())).rejects.toThrow(/nothing for its output 'y'/);
    await expect(here.run(remote(() => 'one', two)())).rejects.toThrow(/must return a list/);
    await expect(here.run(remote(() => 5)())).rejects.toThrow(/returned a number: return bytes, a text/);
    await expect(here.run(remote(() => undefined)())).rejects.toThrow(/returned undefined/);
    await expect(here.run(remote(() => (function* () {})())())).rejects.toThrow(/returned an instance of a class:/);
    expect((await here.run(remote(() => undefined, { outputs: 0 })())).outputs).toEqual([]);
    await expect(here.run(remote(() => 'x', { outputs: 0 })())).rejects.toThrow(/must return nothing/);
  });
});

test('the context has the task’s attributes and takes what it says; objects take attributes too', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const task = remote((context: Context, input: Instance) => {
      context.attributes.info.user.seen = context.attributes.spec.user.given;
      context.progress({ done: 0.5 });
      const result = context.blob('x');
      result.info.user.from = input.spec.user.mark;
      return result;
    });
    const input = blob('i');
    input.spec.user.mark = 'm';
    const made = task(input);
    made.spec.user.given = { a: [1] };
    const { user, said } = await here.run(made);
    expect([user, said]).toEqual([{ seen: { a: [1] } }, [{ done: 0.5 }]]);
    expect((await here.made(made)).user).toEqual({ from: 'm' });
  });
});

test('what a function throws fails the task, with what it said by debug and where it was thrown', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const failing = here.run(remote(module, 'divide')(1, 0));
    await expect(failing).rejects.toMatchObject({
      message: 'RangeError: division by zero',
      details: { stderr: expect.stringContaining('divide') },
    });
    const said = await here.run(
      remote(module, 'divide', { outputs: [new Output('quotient', { encode: 'json' }), new Output('rest', { encode: 'json' })] })(7, 2),
    );
    expect(said.debug).toEqual(['divides 7 by 2']);
  });
});

test('a function that does not end when it is stopped loses its thread', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const marker = join(here.folder, 'sandbox-runs');
    const running = here.run(
      remote((_context: Context, path: string) => {
        process.getBuiltinModule('node:fs').writeFileSync(path, '');
        for (;;);
      })(marker),
    );
    await until(() => existsSync(marker), 'its start');
    here.abort();
    await expect(running).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
  expect(await here.closed()).toEqual([]);
});

test('threads are used again, and code is loaded once in each', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const count = remote(() => {
      const all = globalThis as { calls?: number };
      all.calls = (all.calls ?? 0) + 1;
      return String(all.calls);
    });
    const texts: number[] = [];
    for (let i = 0; i < 8; i++) texts.push(Number(await here.text(count())));
    expect(Math.max(...texts)).toBeGreaterThanOrEqual(4);
  });
});

test('what is wrong with a remote function is told at the call that made the mistake', async () => {
  const here = new Here();
  await here.session.bindOnly(async (session) => {
    expect(thrown(() => remote(new URL('./missing.mjs', import.meta.url), 'x')).code).toBe('ERR_MODULE_NOT_FOUND');
    expect(thrown(() => remote('package' as string, 'x')).message).toMatch(/import.meta.url/);
    expect(thrown(() => remote(module, '')).message).toMatch(/name of an export/);
    expect(thrown(() => remote(Math.max as () => number)).message).toMatch(/native or bound/);
    expect(thrown(() => remote({ method() {} }.method)).message).toMatch(/as a function or an arrow function/);
    expect(thrown(() => remote(class Mine {} as unknown as () => void)).message).toMatch(/is a class/);
    expect(thrown(() => remote(() => 'x', { outputs: ['a', 'a'] })).message).toMatch(/two outputs/);
    expect(thrown(() => remote(() => 'x', { outptus: 1 } as object)).message).toMatch(/Did you mean 'outputs'/);
    expect(thrown(() => remote(() => 'x', { autoEncode: 'wrong' })).code).toBe('ERR_CONTENT_TYPE');
    expect(thrown(() => remote(() => 'x', { inputs: [new Input('x', { dataobj: blob('y') })] })).message).toMatch(/comes with the call/);
    const two = remote((_context: Context, _a: unknown, _b: unknown) => 'x');
    expect(thrown(() => two(1)).message).toMatch(/takes 2 arguments/);
    expect(thrown(() => two(1, () => 2)).code).toBe('ERR_NOT_CLONEABLE');
    expect(thrown(() => two.with({ outputs: ['a', 'b'] })).message).toMatch(/2 outputs were given, the function has 1/);
    expect(thrown(() => two.with({ output: 'a', outputs: ['a'] })).message).toMatch(/either/);
    const error = thrown(() => two('x'.repeat(300_000), 1));
    expect([error.name, error.message]).toEqual(['RainWarning', expect.stringMatching(/make a blob\(\)/)]);
    expect(session.taskCount).toBe(0);
    const missing = remote(module, 'wrods')('a');
    expect(missing).toBeInstanceOf(Task);
    await expect(here.run(missing)).rejects.toMatchObject({
      code: 'ERR_EXPORT_NOT_FOUND',
      message: expect.stringMatching(/Did you mean 'words'/),
    });
  });
});

test('a call may name its output, its task and its resources', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const task = remote(() => '1', { cpus: 2 }).with({
      name: 'mine',
      output: new Output('out', { contentType: 'text-ascii' }),
      priority: 5,
    })();
    expect([task.name, task.outputs.labels, task.output.contentType, task.spec.resources.cpus]).toEqual(['mine', ['out'], 'text-ascii', 2]);
    expect(readFileSync(module, 'utf8')).toContain('remoteWords');
  });
});

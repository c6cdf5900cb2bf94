import { expect, test } from 'vitest';
import { blob, directory } from '../../src/session/blob.ts';
import { Input, InputBase, InputDir, Output, OutputBase, OutputDir } from '../../src/session/input-output.ts';
import { Program } from '../../src/session/program.ts';
import type { Session } from '../../src/session/session.ts';
import { Task } from '../../src/session/task.ts';
import { tasks } from '../../src/session/tasks.ts';
import { localSession, thrown } from './homes.ts';

const configOf = (task: Task): Record<string, unknown> => task.spec.config as Record<string, unknown>;

async function inSession(body: (session: Session) => void | Promise<void>): Promise<void> {
  const { session } = localSession();
  await session.bindOnly(body);
}

test('both spellings of the pages make the same tasks', () =>
  inSession(async () => {
    const [a, dir] = [blob('a'), await directory()];
    const pairs: [Task, Task][] = [
      [tasks.concat([a, a]), tasks.Concat([a, a])],
      [tasks.sleep(0.5, a), tasks.Sleep(a, 0.5)],
      [tasks.open('/x'), tasks.Load('/x')],
      [tasks.load('/x'), tasks.open('/x')],
      [tasks.loadDir('/x'), tasks.LoadDir('/x')],
      [tasks.export(a, '/y'), tasks.Store(a, '/y')],
      [tasks.store(a, '/y'), tasks.export(a, '/y')],
      [tasks.makeDirectory([['p', a]]), tasks.MakeDirectory({ p: a })],
      [tasks.sliceDirectory(dir, 'p'), tasks.SliceDirectory(dir, 'p')],
      [tasks.execute('ls -l'), tasks.Execute(['ls', '-l'])],
    ];
    for (const [old, young] of pairs) {
      expect(young.taskType).toBe(old.taskType);
      expect(young.spec.config).toEqual(old.spec.config);
      expect(young.spec.inputs).toEqual(old.spec.inputs);
      expect(young.outputs.length).toBe(old.outputs.length);
    }
  }));

test('a pause of nothing is a config as any other', () =>
  inSession(() => {
    expect(tasks.sleep(0, blob('a')).spec.config).toEqual({ ms: 0 });
    expect(tasks.sleep('250ms', blob('a')).spec.config).toEqual({ ms: 250 });
    expect(thrown(() => tasks.sleep(-1, blob('a'))).code).toBe('ERR_DURATION');
  }));

test('a task has its labels, resources, priority, name and user attributes in its spec', () =>
  inSession(() => {
    const [a, b] = [blob('a'), blob('b')];
    const task = new Task([['first', a], b], ['x', new Output('y', { contentType: 'json' })], {
      taskType: 'my/task',
      config: { n: 0 },
      cpus: 2,
      memory: 1024,
      resources: { gpu: 1 },
      priority: -3,
      name: 'mine',
    });
    task.spec.user.note = 'n';
    expect(task.spec).toMatchObject({
      taskType: 'my/task',
      name: 'mine',
      config: { n: 0 },
      resources: { cpus: 2, memory: 1024, gpu: 1 },
      user: { note: 'n' },
    });
    expect(task.inputs.get('first')).toBe(a);
    expect([task.outputs.get('y').contentType, task.outputs.labels]).toEqual(['json', ['x', 'y']]);
    expect(String(task)).toMatch(/^<Task 1\/\d+ my\/task 'mine'>$/);
  }));

test('a subclass has the type of its tasks, and a task without one is refused', () =>
  inSession((session) => {
    class Mine extends Task {
      static override readonly taskType = 'mine/do';
    }
    expect(new Mine([], null).taskType).toBe('mine/do');
    expect(thrown(() => new Task([], null)).message).toMatch(/needs a `taskType`/);
    expect(session.taskCount).toBe(1);
  }));

test('a task that cannot be made leaves nothing behind', () =>
  inSession(async (session) => {
    const [a, dir, other] = [blob('a'), await directory(), localSession(2).session];
    const foreign = blob('f', { session: other });
    const before = [session.taskCount, session.dataobjCount];
    const calls: (() => unknown)[] = [
      () => new Task([foreign], 1, { taskType: 'x' }),
      () =>
        new Task(
          [
            ['l', a],
            ['l', a],
          ],
          1,
          { taskType: 'x' },
        ),
      () => new Task([a], ['same', 'same'], { taskType: 'x' }),
      () => new Task([a], [5 as unknown as string], { taskType: 'x' }),
      () => new Task([a], -1, { taskType: 'x' }),
      () => new Task(a as unknown as [], 1, { taskType: 'x' }),
      () => new Task(['text' as unknown as Task], 1, { taskType: 'x' }),
      () => new Task([a], 1, { taskType: 'x', config: () => 1 }),
      () => new Task([a], 1, { taskType: 'x', cpus: -1 }),
      () => new Task([a], 1, { taskType: 'x', cups: 1 } as object),
      () => new Task([a], 1, { taskType: 'x', resources: { cpus: 3 } }),
      () => new Task([a], 1, { taskType: 'x', priority: 0.5 }),
      () => tasks.concat([dir]),
      () => tasks.execute('cat', { stdin: dir }),
      () => tasks.concat('text' as unknown as Task[]),
      () => tasks.open('relative'),
      () => tasks.store(a, 'relative/path'),
      () => tasks.sliceDirectory(a, 'x'),
      () => tasks.sliceDirectory(dir, '../x'),
      () => tasks.sliceDirectory(dir, 'x/', { output: new Output('o') }),
      () => tasks.makeDirectory([['/absolute', a]]),
      () => tasks.makeDirectory([['a/../../b', a]]),
      () =>
        tasks.makeDirectory([
          ['p', a],
          ['./p', a],
        ]),
      () =>
        tasks.makeDirectory([
          ['p', a],
          ['p/q', a],
        ]),
      () => tasks.makeDirectory([a] as unknown as []),
      () => tasks.execute([]),
      () => tasks.execute(['ls', 5 as unknown as string]),
      () => tasks.execute("ls 'open"),
      () => tasks.execute('ls', { outputPaths: ['../out'] }),
      () => tasks.execute('ls', { outputPaths: ['/out'] }),
      () => tasks.execute('ls', { inputPaths: [new Input('x')] }),
      () => tasks.execute('ls', { inputPaths: [new Input('x', { dataobj: a, load: true })] }),
      () => tasks.execute('ls', { inputPaths: [new Input('same', { dataobj: a })], outputPaths: ['same'] }),
      () => tasks.execute('ls', { outputPaths: [new Output('x', { encode: 'json' })] }),
      () => tasks.execute('ls', { stdout: new Output('x', { path: 'p' }) }),
      () => tasks.execute('ls', { env: { A: 1 } as unknown as Record<string, string> }),
      () => tasks.execute('ls', { timeout: 'soon' }),
    ];
    for (const call of calls) expect(thrown(call), String(call)).toHaveProperty('code');
    expect([session.taskCount, session.dataobjCount]).toEqual(before);
  }));

test('descriptions of inputs and outputs are checked when they are made', () =>
  inSession(async () => {
    const [a, dir] = [blob('a'), await directory()];
    expect(thrown(() => new Input('x', { dataobj: dir })).message).toMatch(/take InputDir/);
    expect(thrown(() => new InputDir('x', { dataobj: a })).message).toMatch(/take Input/);
    expect(thrown(() => new Input(5 as unknown as string)).code).toBe('ERR_GRAPH');
    expect(thrown(() => new Input('x', { path: '/etc/passwd' })).message).toMatch(/must be relative/);
    expect(thrown(() => new Output('x', { encode: 'json', contentType: 'text' })).code).toBe('ERR_GRAPH');
    expect(thrown(() => new Output('x', { contentType: 'wrong' })).code).toBe('ERR_CONTENT_TYPE');
    expect(thrown(() => new OutputDir('x', { encode: 'json' })).message).toMatch(/not encoded/);
    expect(new Output('x', { encode: 'json' }).contentType).toBe('json');
    expect([new OutputDir('d').dataType, new Input('i', { write: true }).write]).toEqual(['dir', true]);
    for (const input of [new Input('i'), new InputDir('i')]) expect(input).toBeInstanceOf(InputBase);
    for (const output of [new Output('o'), new OutputDir('o')]) expect(output).toBeInstanceOf(OutputBase);
    expect(thrown(() => tasks.open('/x', { output: { label: 'o' } as never })).code).toBe('ERR_GRAPH');
  }));

test('objects in arguments become files that have a name of their own', () =>
  inSession(() => {
    const task = tasks.execute(['cat', blob('one'), blob('two'), new Input(null, { path: 'third.txt', dataobj: blob('3') })], {
      stdout: true,
    });
    const { args, files } = configOf(task) as { args: string[]; files: { path: string }[] };
    expect(new Set(files.map(({ path }) => path)).size).toBe(3);
    expect(args).toEqual(['cat', ...files.map(({ path }) => path)]);
    expect(args[3]).toBe('third.txt');
  }));

test('outputs of a program are stdout, then files, then those of its arguments', () =>
  inSession(() => {
    const task = tasks.execute(['prog', new Output(null), new Output('last', { path: 'z' })], {
      stdout: 'said',
      outputPaths: ['made', new OutputDir('folder', { path: 'some/dir' })],
    });
    expect(task.outputs.labels).toEqual(['said', 'made', 'folder', 'arg1', 'last']);
    expect(configOf(task)).toMatchObject({ outputs: [null, 'made', 'some/dir', 'out_arg1', 'z'], args: ['prog', 'out_arg1', 'z'] });
    expect(task.outputs.get('folder').dataType).toBe('dir');
  }));

test('a command line is split as a shell splits it; with shell it is left as it is', () =>
  inSession(() => {
    const line = `a 'b c' "d \\" e" f\\ g ''`;
    expect(configOf(tasks.execute(line)).args).toEqual(['a', 'b c', 'd " e', 'f g', '']);
    expect(configOf(tasks.execute('a | b', { shell: true })).args).toEqual(['a | b']);
    expect(configOf(tasks.execute(['a', '|', 'b'], { shell: true })).args).toEqual(['a | b']);
  }));

test('a program gets its objects by label when it is called, as often as you like', () =>
  inSession(() => {
    const grep = Program(['grep', new Input('pattern'), '-'], { stdin: 'text', stdout: true, cpus: 2 });
    expect(grep.labels).toEqual(['pattern', 'text']);
    const first = grep({ pattern: blob('p'), text: blob('t') }, { name: 'search' });
    const second = grep({ pattern: blob('p'), text: blob('t') });
    expect([first.name, second.name, first.spec.resources.cpus]).toEqual(['search', null, 2]);
    expect(configOf(first)).toMatchObject({ args: ['grep', 'pattern', '-'], files: [{ path: 'pattern' }] });
  }));

test('a program refuses labels that it does not have, missing ones, and objects in its template', () =>
  inSession((session) => {
    const cat = Program(['cat', new Input('file')], { stdout: true });
    const object = blob('x');
    expect(thrown(() => cat({})).message).toMatch(/needs an object for file/);
    expect(thrown(() => cat({ file: object, more: object })).message).toMatch(/has no input 'more'/);
    expect(thrown(() => Program(['cat', new Input('file', { dataobj: object })])).message).toMatch(/comes with the call/);
    expect(thrown(() => Program(['cat', 5 as unknown as string])).code).toBe('ERR_GRAPH');
    expect(thrown(() => Program(['cat', new Output('o', { encode: 'json' })])).code).toBe('ERR_GRAPH');
    expect(session.taskCount).toBe(0);
  }));

test('a graph can be drawn before it is submitted, for Graphviz and as a picture', () =>
  inSession((session) => {
    const joined = tasks.concat([blob('a', 'left "a"'), blob('b')], { name: 'join <both>' });
    joined.output.keep();
    const graph = session.makeGraph();
    expect(graph.size).toBe(4);
    expect(graph.toDot()).toContain('[label="left \\"a\\" #10", shape=oval]');
    expect(graph.toDot()).toMatch(/o10 -> t13;\n {2}o11 -> t13;\n {2}t13 -> o12;/);
    expect(graph.toSvg()).toContain('join &lt;both&gt;');
    expect(graph.toSvg().match(/<rect/g)).toHaveLength(4);
    expect(session.makeGraph({ showIds: false }).toDot()).not.toContain('#');
  }));

test('names that hold what no picture can hold are drawn without it', () =>
  inSession((session) => {
    tasks.concat([blob('a', `nul \0 bell \u0007 half ${'\ud83d'}`)], { name: `${'x'.repeat(18)}🙂 and more` });
    const graph = session.makeGraph();
    expect(graph.toDot()).toContain('[label="nul \ufffd bell \ufffd half \ufffd #10", shape=oval]');
    expect(graph.toSvg()).toContain(`${'x'.repeat(18)}🙂…`);
    for (const picture of [graph.toDot(), graph.toSvg()]) expect(picture).not.toMatch(/(?!\n)[\p{Cc}\p{Cs}]/u);
  }));

test('the inputs and outputs of a task cannot be changed: no cycle can be made of them', async () => {
  await inSession(async () => {
    const task = tasks.concat([blob('a')]);
    for (const change of [
      () => task.inputs.append(task.output),
      () => task.inputs.set(0, task.output),
      () => task.inputs.pop(),
      () => task.outputs.setLabel(0, 'b'),
    ])
      expect(change).toThrow(/fixed when it is made/);
    expect([task.inputs.length, task.outputs.length]).toEqual([1, 1]);
  });
});

test('a config that is too large is refused at its task, and nothing is registered', async () => {
  await inSession((session) => {
    expect(() => new Task([], 1, { taskType: 'own/task', config: 'x'.repeat(2 ** 20) })).toThrow(
      /make a blob\(\) or pickled\(\) of what is large/,
    );
    expect([session.taskCount, session.dataobjCount]).toEqual([0, 0]);
  });
});

test('a graph of 150,000 boxes and an object that all of them read can be drawn', async () => {
  await inSession((session) => {
    const shared = blob('shared');
    for (let i = 0; i < 75_000; i++) tasks.concat([shared]);
    expect(session.makeGraph().toSvg().length).toBeGreaterThan(75_000);
    expect(() => session.makeGraph({ showId: false } as object)).toThrow(/Did you mean 'showIds'/);
  });
});

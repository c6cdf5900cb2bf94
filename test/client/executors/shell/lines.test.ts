import { closeSync, constants, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/base/deferred.ts';
import type { Execution, ExecutionEnd, Executor, OutputLines } from '../../../../src/client/executor.ts';
import { createShellExecutor } from '../../../../src/client/executors/shell/create.ts';
import type { ShellExecutorOptions } from '../../../../src/client/executors/shell/options.ts';
import { temporaryFolder } from '../../../support/temporary.ts';
import { alive, Ends, environment, execution, until } from '../harness.ts';

class LineEnds extends Ends {
  readonly told: string[] = [];
  readonly quieted: number[] = [];
  gate: (() => Promise<void>) | null = null;
  onLines: (lines: OutputLines) => void = () => {};

  lines(lines: OutputLines): void | Promise<void> {
    for (const line of lines.lines) this.told.push(`${lines.id} ${lines.slot} ${lines.stream} ${line}`);
    this.onLines(lines);
    return this.gate?.();
  }

  quiet(slot: number): void {
    this.quieted.push(slot);
  }

  override ended(slot: number, ends: readonly ExecutionEnd[], idle: boolean): void {
    for (const end of ends) this.told.push(`${end.key} ended`);
    super.ended(slot, ends, idle);
  }
}

let close: (() => Promise<void>) | null = null;
afterEach(async () => {
  await close?.();
  close = null;
});

interface Lines {
  readonly executor: Executor;
  readonly ends: LineEnds;
  readonly folder: string;
  run(command: string, more?: Partial<Execution>, slot?: number): Promise<ExecutionEnd>;
  /** What was told of a task, without its id. */
  of(key: number): string[];
}

async function open(options: Partial<ShellExecutorOptions> = {}): Promise<Lines> {
  const folder = temporaryFolder();
  const ends = new LineEnds();
  const executor = await createShellExecutor(
    { slots: 1, environment, spoolFolder: folder, capture: 'lines', overlap: true, ...options },
    ends,
  );
  close = async () => {
    await executor.close();
    expect(readdirSync(folder)).toEqual([]);
  };
  return {
    executor,
    ends,
    folder,
    async run(command, more = {}, slot = 0) {
      const one = execution(command, more);
      executor.start(slot, [one]);
      const end = await ends.of(one.key);
      await until(() => ends.idle(slot), 'the slot is idle again');
      return end;
    },
    of: (key) =>
      ends.told
        .filter((line) => line.startsWith(`task-${key} `) || line === `${key} ended`)
        .map((line) => line.replace(/^task-\d+ \d+ /, '')),
  };
}

describe.each(['slots', 'spawn'] as const)('output line by line (%s)', (method) => {
  it('is told in order, each stream by itself, the last line without a line break too, and before the end', async () => {
    const { run, of } = await open({ method });
    const end = await run('echo a; echo b; printf c; printf "x\\ny" >&2');
    expect(end).toMatchObject({ outcome: 'succeeded', exitStatus: 0, extra: null });
    const told = of(end.key);
    expect(told.at(-1)).toBe(`${end.key} ended`);
    expect(told.filter((line) => line.startsWith('stdout'))).toEqual(['stdout a', 'stdout b', 'stdout c']);
    expect(told.filter((line) => line.startsWith('stderr'))).toEqual(['stderr x', 'stderr y']);
  });

  it('is told while the command runs', async () => {
    const { run, ends, folder } = await open({ method });
    const seen = deferred<void>();
    ends.onLines = () => seen.resolve();
    const ending = run(`echo now; until [ -e ${folder}/go ]; do sleep 0.01; done`);
    await seen.promise;
    expect(ends.all).toEqual([]);
    closeSync(openSync(`${folder}/go`, 'w'));
    await ending;
    rmSync(`${folder}/go`);
  });

  it('lets a command open /dev/stdout and /dev/stderr by their names', async () => {
    const { run, of } = await open({ method });
    const end = await run('echo out >/dev/stdout; echo err >/dev/stderr');
    expect(end.exitStatus).toBe(0);
    expect(of(end.key).sort()).toEqual([`${end.key} ended`, 'stderr err', 'stdout out'].sort());
  });

  it('tells nothing of one task as lines of the next', async () => {
    const { run, of, folder } = await open({ method });
    const [go, gone] = [`${folder}/go`, `${folder}/gone`];
    // Nobody reads what it writes: it is not to end by that.
    const first = await run(`(trap '' PIPE; until [ -e ${go} ]; do sleep 0.01; done; echo late; : >${gone}) & echo first`);
    const second = await run(`: >${go}; until [ -e ${gone} ]; do sleep 0.01; done; echo second`);
    for (const path of [go, gone]) rmSync(path);
    expect(of(first.key)).toEqual(['stdout first', `${first.key} ended`]);
    expect(of(second.key)).toEqual(['stdout second', `${second.key} ended`]);
  });

  it('ends though a process in the background keeps the pipe, and does not kill that process', async () => {
    const { run, of, folder } = await open({ method });
    const end = await run(
      `sh -c 'echo $$ >${folder}/pid; while :; do echo again; sleep 0.01; done' & until [ -s ${folder}/pid ]; do :; done; echo done`,
    );
    expect(of(end.key)).toContain('stdout done');
    const pid = Number(readFileSync(`${folder}/pid`, 'utf8'));
    expect(alive(pid)).toBe(true);
    expect((await run('echo next')).exitStatus).toBe(0);
    expect(alive(pid)).toBe(true);
    rmSync(`${folder}/pid`);
  });

  it('waits with the end, and with the next command, until the lines were taken', async () => {
    const { executor, ends, of } = await open({ method });
    const gate = deferred<void>();
    ends.gate = () => gate.promise;
    const [first, second] = [execution('echo one'), execution('echo two')];
    executor.start(0, [first, second]);
    await until(() => ends.quieted.length === 1, 'the first command ended');
    expect(ends.all).toEqual([]);
    expect(of(second.key)).toEqual([]);
    gate.resolve();
    await ends.of(second.key);
    expect(ends.told.map((line) => line.replace(/^task-\d+ /, ''))).toEqual([
      '0 stdout one',
      `${first.key} ended`,
      '0 stdout two',
      `${second.key} ended`,
    ]);
  });

  it('holds a command that writes faster than its lines are taken', async () => {
    const { executor, ends, folder } = await open({ method });
    const gate = deferred<void>();
    ends.gate = () => gate.promise;
    const one = execution(`head -c 500000 /dev/zero | tr '\\0' '\\n'; : >${folder}/wrote`);
    executor.start(0, [one]);
    await until(() => ends.told.length > 0, 'the first lines came');
    const held = ends.told.length;
    // As much time as the whole needs when it is not held.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(ends.told.length).toBe(held);
    expect(readdirSync(folder)).not.toContain('wrote');
    gate.resolve();
    ends.gate = null;
    await ends.of(one.key);
    expect(ends.told.length).toBe(500_001);
    rmSync(`${folder}/wrote`);
  }, 20_000);

  it('is whole when the command leaves a full pipe behind, however slowly it is taken', async () => {
    const { executor, ends, of } = await open({ method });
    ends.gate = () => new Promise((resolve) => setTimeout(resolve, 5));
    const one = execution('seq 60000');
    executor.start(0, [one]);
    await ends.of(one.key);
    expect(of(one.key)).toEqual([...Array.from({ length: 60_000 }, (_, i) => `stdout ${i + 1}`), `${one.key} ended`]);
  });

  it('is whole for a command that is killed', async () => {
    const { run, executor, ends, of } = await open({ method });
    ends.onLines = ({ lines }) => {
      if (lines.includes('begun')) executor.signal(0, 'SIGKILL');
    };
    const end = await run('echo begun; sleep 60');
    expect(end).toMatchObject({ outcome: 'failed', exitStatus: null, extra: { signal: 'SIGKILL' } });
    expect(of(end.key)).toEqual(['stdout begun', `${end.key} ended`]);
    expect((await run('echo next')).exitStatus).toBe(0);
  });

  it('goes on after somebody removed the pipes', async () => {
    const { run, folder, of, ends } = await open({ method });
    const [spool] = readdirSync(folder);
    rmSync(`${folder}/${spool}/commands`, { recursive: true });
    const refused = await run('echo a');
    expect(refused.notStarted?.code).toBe('ERR_SPAWN');
    await until(() => readdirSync(`${folder}/${spool}/commands`).length === 2, 'the pipes are there again');
    const end = await run('echo b');
    expect(of(end.key)).toEqual(['stdout b', `${end.key} ended`]);
    expect(ends.failures).toEqual([]);
  });

  it('leaves no open descriptor when the executor closes in the middle of it', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const { executor, ends } = await open({ method, slots: 4 });
    for (let slot = 0; slot < 4; slot++) executor.start(slot, [execution('while :; do echo more; done')]);
    await until(() => ends.told.length > 100, 'lines come');
    await close?.();
    close = null;
    await until(() => readdirSync('/proc/self/fd').length <= before, 'the descriptors are closed');
    expect(openSync('/dev/null', constants.O_RDONLY)).toBeGreaterThan(0);
  });
});

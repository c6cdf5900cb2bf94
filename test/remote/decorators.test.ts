import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { callback, expose, oneway } from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

const source = `
import { callback, expose, oneway } from 'millrace/remote';
export class Player {
  volume = 3;
  heard: string[] = [];
  @expose play(song: string): string { return 'playing ' + song; }
  @expose @oneway note(line: string): void { this.heard.push(line); }
  @expose get lines(): string[] { return this.heard; }
  @expose @callback crash(): void { throw new RangeError('crash away'); }
  hidden(): string { return 'hidden'; }
}
@expose
export class Open {
  one(): number { return 1; }
  @oneway two(): void {}
}
`;

/** The classes as a compiler makes them: Node parses no decorators. */
async function compiled(): Promise<{ Player: new () => object; Open: new () => object }> {
  const folder = temporaryFolder();
  const root = new URL('../../', import.meta.url).pathname;
  mkdirSync(`${folder}/node_modules`);
  symlinkSync(root, `${folder}/node_modules/millrace`);
  writeFileSync(`${folder}/package.json`, '{"type":"module"}');
  writeFileSync(`${folder}/player.ts`, source);
  const options = [
    '--target',
    'ES2022',
    '--module',
    'NodeNext',
    '--strict',
    '--skipLibCheck',
    '--ignoreConfig',
    '--types',
    'node',
    '--typeRoots',
    `${root}node_modules/@types`,
  ];
  const { status, stdout } = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, ...options, `${folder}/player.ts`], {
    encoding: 'utf8',
  });
  expect([status, stdout]).toEqual([0, '']);
  return import(pathToFileURL(`${folder}/player.js`).href);
}

describe('decorators', () => {
  test('of compiled classes say what is exposed, oneway and a callback', async () => {
    const { Player, Open } = await compiled();
    const { Daemon } = (await import(
      new URL('../../dist/remote/index.js', import.meta.url).href
    )) as typeof import('../../src/remote/index.ts');
    const errors: unknown[] = [];
    const daemon = await Daemon.new({
      address: { host: '127.0.0.1', port: 0 },
      auth: 'a key for these tests',
      onCallbackError: (error, method) => errors.push((error as Error).message, method),
    });
    onTestFinished(() => daemon.stop());
    interface Remoted {
      play(song: string): string;
      note(line: string): void;
      lines: string[];
      crash(): void;
      hidden(): string;
      heard: string[];
    }
    const player = openProxy<Remoted>(daemon.register(new Player()));
    expect(await player.play('a')).toBe('playing a');
    expect(await player.note('b')).toBeUndefined();
    expect(await player.lines).toEqual(['b']);
    expect(await failure(player.crash())).toMatchObject({ name: 'RangeError', message: 'crash away' });
    expect(errors).toEqual(['crash away', 'crash']);
    expect(await failure(player.hidden())).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    expect(await failure(player.heard)).toMatchObject({ code: 'ERR_NOT_EXPOSED' });
    const open = openProxy<{ one(): number; two(): void }>(daemon.register(Open, 'open'));
    expect([await open.one(), await open.two()]).toEqual([1, undefined]);
  });

  test('stand at public methods, accessors and classes only', () => {
    const method = (): void => {};
    const at = (kind: string, more: object = {}): never => ({ kind, name: 'm', private: false, static: false, ...more }) as never;
    expect(() => expose(undefined, at('field'))).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    expect(() => oneway(method, at('getter'))).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    expect(() => callback(method, at('class'))).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    expect(() => expose(method, at('method', { private: true }))).toThrow(expect.objectContaining({ code: 'ERR_NOT_EXPOSED' }));
    expect(() => expose(method, at('method', { static: true }))).toThrow(expect.objectContaining({ code: 'ERR_NOT_EXPOSED' }));
    expect(expose(method, at('method'))).toBe(method);
  });
});

describe('an error of a callback', () => {
  const run = { call: (given: () => unknown) => given() };

  test('is seen on both sides: the caller gets it, and the side of the callback is told', async () => {
    const daemon = await openDaemon();
    const errors: [unknown, string][] = [];
    const remote = openProxy<typeof run>(daemon.register(run), { onCallbackError: (error, method) => errors.push([error, method]) });
    const crash = new RangeError('crash away');
    const crashing = callback(async (): Promise<void> => {
      throw crash;
    });
    expect(await failure(remote.call(crashing) as Promise<unknown>)).toMatchObject({ name: 'RangeError', message: 'crash away' });
    expect(errors).toEqual([[crash, '']]);
    const quiet = (): void => {
      throw crash;
    };
    expect(await failure(remote.call(quiet) as Promise<unknown>)).toMatchObject({ message: 'crash away' });
    expect(errors).toHaveLength(1);
  });

  test('is a warning of the process with its stack, when nobody is named to hear it', async () => {
    const daemon = await openDaemon();
    const object = { crash: () => Promise.reject(new RangeError('crash away')) };
    const remote = openProxy<typeof object>(daemon.register(object, 'c', { callback: ['crash'] }));
    const warnings: (Error & { detail?: string })[] = [];
    const hear = (warning: Error): void => void warnings.push(warning);
    process.on('warning', hear);
    onTestFinished(() => void process.off('warning', hear));
    expect(await failure(remote.crash())).toMatchObject({ message: 'crash away' });
    await until(() => warnings.length === 1);
    expect(warnings[0]).toMatchObject({ name: 'CallbackError', message: "the callback 'crash' failed: crash away" });
    expect(warnings[0]!.detail).toContain('decorators.test.ts');
  });
});

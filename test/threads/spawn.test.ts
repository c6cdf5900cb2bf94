import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { inheritedFlags } from '../../src/threads/spawn.ts';

it('a thread inherits the flags of its host but for those about the host’s program text', () => {
  expect(inheritedFlags(['--enable-source-maps', '--input-type=module', '-e', 'code', '--max-http-header-size=9'])).toEqual([
    '--enable-source-maps',
    '--max-http-header-size=9',
  ]);
  expect(inheritedFlags(['--eval', 'code', '--inspect-brk=0', '--watch', '--test', '--no-warnings'])).toEqual(['--no-warnings']);
  expect(inheritedFlags(['-e', '--no-warnings'])).toEqual(['--no-warnings']);
});

it.each([[[]], [['--expose-gc', '--max-old-space-size=512', '--no-warnings']]])(
  'a program that is given as text can start threads, with flags %j',
  async (flags: string[]) => {
    const spawn = new URL('../../dist/threads/spawn.js', import.meta.url).href;
    const entry = new URL('./fixtures/component.mjs', import.meta.url).href;
    const program = `import { startThread } from '${spawn}';
    const { worker, port } = startThread(new URL('${entry}'), { name: 'x', id: 'x', data: { echo: 'hello' } });
    port.once('message', ([tag, info]) => { console.log(tag, info.echo); worker.terminate(); port.close(); });`;
    const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--input-type=module', '-e', program], {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
    });
    expect(stdout).toBe('ready hello\n');
  },
);

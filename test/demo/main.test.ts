import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';

vi.setConfig({ testTimeout: 60_000 });
expectNoLeaks();

const main = fileURLToPath(new URL('../../dist/demo/main.js', import.meta.url));

/** The demo over a folder, with a temporary folder of its own. */
function demo(folder: string): { status: number | null; stdout: string; stderr: string; left: string[] } {
  const temporary = temporaryFolder();
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, folder], {
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: temporary },
  });
  return { status, stdout, stderr, left: readdirSync(temporary).filter((name) => name.startsWith('millrace-demo')) };
}

it('the demo runs every line, says what ran where, and leaves nothing behind', () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'deep'));
  for (const name of ["it's.txt", 'two words', 'deep/$HOME', 'empty'])
    writeFileSync(join(folder, name), name === 'empty' ? '' : `${name}\n`);
  const { status, stdout, stderr, left } = demo(folder);
  expect({ status, stderr, left }).toEqual({ status: 0, stderr: '', left: [] });
  expect(stdout).toMatch(/^4 files of /);
  expect(stdout).toMatch(/^12 tasks in .*: 12 succeeded, 0 failed, 0 retried$/m);
  for (const job of ['count', 'hash', 'compress']) expect(stdout).toMatch(new RegExp(`^${job} +4 `, 'm'));
  expect(stdout).toContain('in 4 different contents, 3 lines');
  const shares = [...stdout.matchAll(/^client \d +(\d+) /gm)].map(([, tasks]) => Number(tasks));
  expect(shares.reduce((sum, tasks) => sum + tasks, 0)).toBe(12);
});

it('the demo ends with a failure and says why when its folder is not there', () => {
  const missing = join(temporaryFolder(), 'missing');
  const { status, stderr, left } = demo(missing);
  expect(stderr).toContain(`there is no folder ${missing}`);
  expect({ status, left }).toEqual({ status: 1, left: [] });
});

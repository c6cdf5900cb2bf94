/** What a benchmark says of rivals and bars. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const sample = fileURLToPath(new URL('./fixtures/rival-that-is-missing.mjs', import.meta.url));

interface Line {
  readonly contestant?: string;
  readonly rate?: number | null;
  readonly note?: string;
  readonly bar?: string;
  readonly value?: number | null;
  readonly met?: boolean;
  readonly rates?: number[];
}

it('a rival that is missing is named with the command that installs it, and a bar that needs it is missed', {
  timeout: 30_000,
}, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [sample], { env: { PATH: '/nowhere' } });
  const lines: Line[] = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const missing = lines.find(({ contestant }) => contestant === 'missing');
  expect(missing).toMatchObject({ rate: null, note: 'not run: apt-get install -y parallel' });
  expect(lines.find(({ contestant }) => contestant === 'slow')?.rates).toHaveLength(2);
  const bars = Object.fromEntries(lines.filter(({ bar }) => bar !== undefined).map(({ bar, met }) => [bar, met]));
  expect(bars).toEqual({
    'quick against slow': true,
    'slow against quick': false,
    'quick against missing': false,
    'alone against the first': false,
  });
  expect(stdout).toContain('MISSED alone against the first: not run (missing not run: apt-get install -y parallel)');
  expect(stdout).toContain('MISSED quick against missing: not run (missing not run: apt-get install -y parallel)');
});

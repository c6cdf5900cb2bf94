/** The command that runs seeds of the simulation, as somebody types it. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';

vi.setConfig({ testTimeout: 60_000 });

const script = fileURLToPath(new URL('../model/simulate.mjs', import.meta.url));

function simulate(...options: string[]): Promise<{ code: number; out: string; errors: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...options], (error, out, errors) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, errors }),
    );
  });
}

it('runs seeds in threads and tells how often each fault happened', async () => {
  const { code, out } = await simulate('--seeds', '40', '--from', '100', '--threads', '2');
  expect(out).toContain('server crash before a commit');
  expect(out).toMatch(/40 seeds in .*, 0 seeds failed/);
  expect(code).toBe(0);
});

it('shrinks a seed that fails to a story, with the options that show it again', async () => {
  const { code, out } = await simulate('--seeds', '50', '--mutation', 'grants-not-persisted');
  expect(out).toMatch(/^seed \d+ with grants-not-persisted, at /m);
  expect(out).toMatch(/shrunk in \d+ runs/);
  expect(out).toMatch(/^simulate\(\{ seed: \d+, mutation: 'grants-not-persisted', .*\}\)$/m);
  expect(code).toBe(0);
});

it('refuses what it does not know', async () => {
  expect(await simulate('--mutation', 'no-luck')).toMatchObject({ code: 2, errors: expect.stringContaining('no-fence') });
  expect(await simulate('--seeds', 'many')).toMatchObject({ code: 2, errors: expect.stringContaining('whole number') });
});

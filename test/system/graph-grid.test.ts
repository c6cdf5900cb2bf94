/** A grid of programs, functions and built-in tasks over three clients, checked against the same pipeline run by a shell. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { blob, Input, Program, remote, type Task, tasks } from '../../dist/session/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { openSession, startCluster } from './graph-rig.ts';

vi.setConfig({ testTimeout: 120_000 });
expectNoLeaks();

const size = 10;
const words = ['a', 'graph', 'of', 'tasks', 'is', 'cut', 'into', 'words', 'and', 'counted'];

/** The text of a cell. */
function textOf(row: number, column: number): string {
  return `${Array.from({ length: 20 + row }, (_, i) => words[(i * (column + 1) + row) % words.length]).join(' ')}\n`;
}

test('ten times ten texts are counted and hashed over three clients as by sh', async () => {
  const folder = temporaryFolder();
  const { client } = await startCluster(3);
  const session = await openSession(client);
  const results = await session.bindOnly(async () => {
    const count = remote(new URL('../session/fixtures/words.mjs', import.meta.url), 'words', { autoLoad: true });
    const digest = Program(['md5sum', new Input('cell')], { stdout: true });
    const rows: Task[] = [];
    for (let row = 0; row < size; row++) {
      const cells: Task[] = [];
      for (let column = 0; column < size; column++) {
        const text = textOf(row, column);
        writeFileSync(join(folder, `${row}-${column}`), text);
        const cell = blob(text);
        const sum = tasks.execute('cut -c1-32', { stdin: digest({ cell }), stdout: true });
        cells.push(tasks.concat([count(cell), blob(' '), sum]));
      }
      rows.push(tasks.concat(cells));
    }
    const all = tasks.execute('sort', { stdin: tasks.concat(rows), stdout: true }).output.keep();
    await session.submit();
    const text = await (await all.fetch()).getStr();
    const { clients } = await client.getServerInfo();
    expect(clients).toHaveLength(3);
    return text;
  });
  const pipeline = 'for f in [0-9]*; do printf "%s %s\\n" "$(wc -w < "$f" | tr -d " ")" "$(md5sum "$f" | cut -c1-32)"; done | sort';
  expect(results).toBe(execFileSync('sh', ['-c', pipeline], { cwd: folder, encoding: 'utf8' }));
  expect(results.split('\n')).toHaveLength(size * size + 1);
});

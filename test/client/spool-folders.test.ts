import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { CodeFiles } from '../../src/client/executors/graph/code-files.ts';
import { createGraphRunner } from '../../src/client/executors/graph/graph-runner.ts';
import { createShellExecutor } from '../../src/client/executors/shell/create.ts';
import { Spool } from '../../src/client/executors/shell/spool.ts';
import { ObjectStore } from '../../src/client/graph/store.ts';
import { ownerPath, ownerText, sweepSpools } from '../../src/client/spool-folders.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { environment } from './executors/harness.ts';

/** A spool as a killed client leaves it: its number is another process's by now. */
function left(parent: string, { keep = false, mark = ownerText(keep).replace(/ \d+\n/, ' 1\n') } = {}): string {
  const folder = mkdtempSync(join(parent, 'millrace-'));
  for (const name of ['commands', 'results']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'commands', '0-0o'), 'half');
  writeFileSync(ownerPath(folder), mark);
  return folder;
}

/** The folder's client is another process by now, which is not it. */
function kill(folder: string): void {
  writeFileSync(ownerPath(folder), readFileSync(ownerPath(folder), 'utf8').replace(/ \d+\n/, ' 1\n'));
}

describe('the spools of clients that were killed', () => {
  it('are removed soon after the next client has started there, which does not wait for it', async () => {
    const parent = temporaryFolder();
    const folder = left(parent);
    const handlers = { ended: () => {}, failed: () => {} };
    const executor = await createShellExecutor({ slots: 1, environment, spoolFolder: parent }, handlers);
    expect(readdirSync(parent)).toHaveLength(2);
    await until(() => !existsSync(folder));
    expect(readdirSync(parent)).toHaveLength(1);
    await executor.close();
    expect(readdirSync(parent)).toHaveLength(0);
  });

  it('keep the files that results name', async () => {
    const parent = temporaryFolder();
    const [named, none] = [left(parent, { keep: true }), left(parent, { keep: true })];
    writeFileSync(join(named, 'results', 'a.1.out'), 'text');
    await sweepSpools(parent);
    expect(readFileSync(join(named, 'results', 'a.1.out'), 'utf8')).toBe('text');
    expect(existsSync(join(named, 'commands'))).toBe(false);
    expect(existsSync(none)).toBe(false);
  });

  it('are left alone when their client lives, when they have no mark, are open to others or go by another name', async () => {
    const parent = temporaryFolder();
    const living = new Spool(parent, false).folder;
    const open = left(parent);
    chmodSync(open, 0o755);
    const unmarked = left(parent, { mark: '' });
    const other = join(parent, 'millrace-values-ab12cd');
    mkdirSync(other, { mode: 0o700 });
    writeFileSync(ownerPath(other), ownerText(false).replace(/ \d+\n/, ' 1\n'));
    const elsewhere = left(temporaryFolder());
    symlinkSync(elsewhere, join(parent, 'millrace-abcdef'));
    await sweepSpools(parent);
    for (const folder of [living, open, unmarked, other, elsewhere]) expect(existsSync(join(folder, 'owner'))).toBe(true);
    await sweepSpools(join(parent, 'missing'));
  });

  it('are gone with their client when it ends in good order, unless results name files there', () => {
    const parent = temporaryFolder();
    const [plain, empty, named] = [new Spool(parent, false), new Spool(parent, true), new Spool(parent, true)];
    writeFileSync(named.resultPath('a', 1, 'out'), 'text');
    plain.remove(false);
    empty.remove(true);
    named.remove(true);
    expect([plain, empty, named].map(({ folder }) => existsSync(folder))).toEqual([false, false, true]);
    expect(existsSync(named.resultPath('a', 1, 'out'))).toBe(true);
  });

  it('hold objects and code of graphs too, which go as soon as the next client runs tasks of graphs', async () => {
    const parent = temporaryFolder();
    const store = new ObjectStore(parent, 10);
    store.addBytes(1, Buffer.alloc(100));
    new CodeFiles(parent).place(1, { object: 1, label: null, content: { bytes: Buffer.from('export {}'), path: null } } as never);
    const folders = readdirSync(parent).map((name) => join(parent, name));
    expect(folders).toHaveLength(2);
    await sweepSpools(parent);
    expect(folders.every((folder) => existsSync(folder))).toBe(true);
    for (const folder of folders) kill(folder);
    const runner = createGraphRunner({ spoolFolder: parent, clock: systemClock } as never);
    await until(() => readdirSync(parent).length === 0);
    await runner.close();
  });
});

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createShellExecutor } from '../../../../src/client/executors/shell/create.ts';
import { Spool } from '../../../../src/client/executors/shell/spool.ts';
import { ownerPath, ownerText, sweepSpools } from '../../../../src/client/executors/shell/spool-sweep.ts';
import { temporaryFolder } from '../../../support/temporary.ts';
import { until } from '../../../support/until.ts';
import { environment } from '../harness.ts';

/** A spool as a killed client leaves it: its number is another process's by now. */
function left(parent: string, { keep = false, mark = ownerText(keep).replace(/ \d+\n/, ' 1\n') } = {}): string {
  const folder = mkdtempSync(join(parent, 'millrace-'));
  for (const name of ['commands', 'results']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'commands', '0-0o'), 'half');
  writeFileSync(ownerPath(folder), mark);
  return folder;
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
});

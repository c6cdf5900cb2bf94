import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { RedirectFile } from '../../src/output/redirect-file.ts';
import { temporaryFolder } from '../support/temporary.ts';

describe('a file that is redirected to', () => {
  it('gets what is written in the order of the calls, after what is in it', async () => {
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, 'before\n');
    const file = await RedirectFile.open(path);
    const large = Buffer.alloc(3_000_000, 'x');
    const writes = [file.write('a\n'), file.write(large), file.write('b\n')];
    await file.close();
    await Promise.all(writes);
    expect(readFileSync(path, 'utf8')).toBe(`before\na\n${large.toString()}b\n`);
  });

  it('keeps what others append meanwhile', async () => {
    const path = join(temporaryFolder(), 'file');
    const file = await RedirectFile.open(path);
    await file.write('a\n');
    writeFileSync(path, 'other\n', { flag: 'a' });
    await file.write('b\n');
    await file.close();
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe('a\nother\nb\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('that cannot be opened is ERR_REDIRECT, and so is one that cannot be written', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'sub'));
    for (const path of [join(folder, 'sub'), join(folder, 'missing', 'file')])
      await expect(RedirectFile.open(path)).rejects.toMatchObject({ code: 'ERR_REDIRECT', message: expect.stringContaining(path) });
    const full = await RedirectFile.open('/dev/full');
    await expect(full.write('a')).rejects.toMatchObject({ code: 'ERR_REDIRECT', message: expect.stringContaining('/dev/full') });
    await full.close();
  });
});

import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import tar, { type Pack } from 'tar-stream';
import { expect, test } from 'vitest';
import { collect, packFolder, readArchive, unpackInto } from '../../src/session/archive.ts';
import { temporaryFolder } from '../support/temporary.ts';

function tree(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'sub', 'empty'), { recursive: true });
  writeFileSync(join(folder, 'b.txt'), 'bee');
  writeFileSync(join(folder, 'sub', 'run.sh'), '#!/bin/sh\n');
  chmodSync(join(folder, 'sub', 'run.sh'), 0o755);
  return folder;
}

/** An archive as an attacker writes it. */
async function crafted(entries: [Parameters<Pack['entry']>[0], string?][]): Promise<Buffer> {
  const pack = tar.pack();
  for (const [header, text] of entries) pack.entry(header, text ?? '');
  pack.finalize();
  return collect(pack as unknown as AsyncIterable<Uint8Array>);
}

async function refusal(bytes: Buffer): Promise<string> {
  const folder = join(temporaryFolder(), 'inner');
  try {
    await unpackInto({ bytes, path: null }, folder);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it was unpacked');
}

test('a folder comes back with its files, empty folders and what may be executed', async () => {
  const bytes = await collect(packFolder(tree()));
  const target = join(temporaryFolder(), 'copy');
  await unpackInto({ bytes, path: null }, target);
  expect(readFileSync(join(target, 'b.txt'), 'utf8')).toBe('bee');
  expect(statSync(join(target, 'sub', 'empty')).isDirectory()).toBe(true);
  expect(statSync(join(target, 'sub', 'run.sh')).mode & 0o777).toBe(0o755);
});

test('equal folders are equal bytes, whenever and wherever they were made', async () => {
  expect((await collect(packFolder(tree()))).equals(await collect(packFolder(tree())))).toBe(true);
});

test('an empty folder is an archive too', async () => {
  const target = join(temporaryFolder(), 'copy');
  await unpackInto({ bytes: await collect(packFolder(temporaryFolder())), path: null }, target);
  expect(existsSync(target)).toBe(true);
});

test('long names and names beyond ASCII survive', async () => {
  const folder = temporaryFolder();
  const name = `${'ä'.repeat(100)}.txt`;
  writeFileSync(join(folder, name), 'x');
  const paths: string[] = [];
  for await (const entry of readArchive({ bytes: await collect(packFolder(folder)), path: null })) {
    paths.push(entry.path);
    await collect(entry.content);
  }
  expect(paths).toEqual([name]);
});

test('links are packed as what they lead to, and a link to a folder around it is an error', async () => {
  const folder = tree();
  symlinkSync(join(folder, 'b.txt'), join(folder, 'link.txt'));
  const target = join(temporaryFolder(), 'copy');
  await unpackInto({ bytes: await collect(packFolder(folder)), path: null }, target);
  expect(readFileSync(join(target, 'link.txt'), 'utf8')).toBe('bee');
  symlinkSync(folder, join(folder, 'sub', 'around'));
  await expect(collect(packFolder(folder))).rejects.toThrow(/inside itself/);
});

test('paths that are absolute or lead out, links and devices are refused, and nothing is written outside', async () => {
  const outside = temporaryFolder();
  expect(await refusal(await crafted([[{ name: `${outside}/evil` }, 'x']]))).toMatch(/must be relative/);
  expect(await refusal(await crafted([[{ name: '../evil' }, 'x']]))).toMatch(/must not lead out/);
  expect(await refusal(await crafted([[{ name: 'a/../../evil' }, 'x']]))).toMatch(/must not lead out/);
  expect(await refusal(await crafted([[{ name: 'link', type: 'symlink', linkname: outside }], [{ name: 'link/evil' }, 'x']]))).toMatch(
    /is a symlink/,
  );
  expect(await refusal(await crafted([[{ name: 'hard', type: 'link', linkname: '/etc/passwd' }]]))).toMatch(/is a link/);
  expect(await refusal(await crafted([[{ name: 'pipe', type: 'fifo' }]]))).toMatch(/is a fifo/);
  expect(existsSync(join(outside, 'evil'))).toBe(false);
});

test('an entry that is there twice, and what is no archive, are errors', async () => {
  expect(
    await refusal(
      await crafted([
        [{ name: 'a' }, '1'],
        [{ name: 'a' }, '2'],
      ]),
    ),
  ).toMatch(/'a' of a directory cannot be written/);
  expect(await refusal(Buffer.alloc(2_000, 'no archive'))).toMatch(/cannot be read/);
  expect(await refusal((await crafted([[{ name: 'a' }, 'x'.repeat(5_000)]])).subarray(0, 1_500))).toMatch(
    /'a' of a directory cannot be written/,
  );
});

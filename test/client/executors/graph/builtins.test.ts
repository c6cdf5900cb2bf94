import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unpackInto } from '../../../../src/session/archive.ts';
import { blob, directory } from '../../../../src/session/blob.ts';
import type { DataObject } from '../../../../src/session/data-object.ts';
import { Task } from '../../../../src/session/task.ts';
import { tasks } from '../../../../src/session/tasks.ts';
import { temporaryFolder } from '../../../support/temporary.ts';
import { Here } from './run-here.ts';

/** What a directory object holds: the text of each file. */
async function filesOf(here: Here, like: Task): Promise<Record<string, string>> {
  const folder = join(temporaryFolder(), 'out');
  await unpackInto({ bytes: await here.bytes(like), path: null }, folder);
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    names.map(({ parentPath, name }) => [join(parentPath, name).slice(folder.length + 1), readFileSync(join(parentPath, name), 'utf8')]),
  );
}

test('concat joins blobs in order; of none it makes an empty one, and one passes without a copy', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const [a, b] = [blob('Hello '), blob('world!')];
    expect(await here.text(tasks.concat([a, b, a]))).toBe('Hello world!Hello ');
    expect(await here.text(tasks.concat([]))).toBe('');
    expect((await here.run(tasks.concat([a]))).outputs[0]?.content).toEqual({ input: 0 });
  });
});

test('concat joins what lies in files, and more than fits in memory, by a file', async () => {
  const here = new Here();
  const path = join(temporaryFolder(), 'file');
  writeFileSync(path, 'on disk');
  await here.session.bindOnly(async () => {
    const large = blob(Buffer.alloc(2 ** 20, 'x'));
    const joined = tasks.concat([tasks.open(path), large, blob('!')]);
    const bytes = await here.bytes(joined);
    expect(bytes.length).toBe(7 + 2 ** 20 + 1);
    expect(bytes.subarray(0, 8).toString()).toBe('on diskx');
    expect((await here.made(joined)).content.path).not.toBeNull();
  });
});

test('a directory that comes to concat by a task of the user’s own fails it', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const task = new Task([await directory()], 1, { taskType: 'builtin/concat' });
    await expect(here.run(task)).rejects.toThrow('Input 0 object is not blob');
  });
});

test('sleep gives its input on, also after no time at all, and ends when it is stopped', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    expect(await here.text(tasks.sleep(0, blob('now')))).toBe('now');
    expect(await here.text(tasks.sleep('5ms', blob('soon')))).toBe('soon');
    const long = here.run(tasks.sleep('1h', blob('never')));
    setImmediate(() => here.abort());
    await expect(long).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  });
});

test('open and loadDir take files of the client; what is missing fails the task', async () => {
  const here = new Here();
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'a'), 'x');
  await here.session.bindOnly(async () => {
    expect(await here.text(tasks.open(join(folder, 'a'), { contentType: 'text' }))).toBe('x');
    expect(await filesOf(here, tasks.loadDir(folder))).toEqual({ a: 'x' });
    await expect(here.run(tasks.open(join(folder, 'b')))).rejects.toThrow(/Path '.+b' not found/);
    await expect(here.run(tasks.loadDir(join(folder, 'a')))).rejects.toThrow(/it is no folder/);
  });
});

test.runIf(process.platform === 'linux')('open takes also a file that says it is empty, and is not', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const version = readFileSync('/proc/version', 'utf8');
    expect(await here.text(tasks.open('/proc/version'))).toBe(version);
    expect(await here.text(tasks.execute('ln -s /proc/version v', { shell: true, outputPaths: ['v'] }))).toBe(version);
  });
});

test('store writes a file or a folder, whole, and over what was there', async () => {
  const here = new Here();
  const folder = temporaryFolder();
  await here.session.bindOnly(async () => {
    const target = join(folder, 'deep', 'file');
    expect((await here.run(tasks.store(blob('1'), target))).outputs).toEqual([]);
    await here.run(tasks.store(tasks.concat([blob('2'), blob('3')]), target));
    expect(readFileSync(target, 'utf8')).toBe('23');
    expect(readdirSync(join(folder, 'deep'))).toEqual(['file']);
    for (const text of ['a', 'b']) await here.run(tasks.store(tasks.makeDirectory({ 'x/y': blob(text) }), join(folder, 'tree')));
    expect(readFileSync(join(folder, 'tree', 'x', 'y'), 'utf8')).toBe('b');
    await expect(here.run(tasks.store(blob('x'), join(target, 'below')))).rejects.toThrow(/cannot be written/);
  });
});

test('makeDirectory puts blobs and directories under their paths, also empty ones', async () => {
  const here = new Here();
  const source = temporaryFolder();
  mkdirSync(join(source, 'hollow'));
  writeFileSync(join(source, 'f'), 'file');
  await here.session.bindOnly(async () => {
    const inner = await directory(source);
    const made = tasks.makeDirectory([
      ['a/b/c', blob('deep')],
      ['dir', inner],
      ['none', await directory()],
    ]);
    expect(await filesOf(here, made)).toEqual({ 'a/b/c': 'deep', 'dir/f': 'file' });
    const out = join(temporaryFolder(), 'o');
    await unpackInto({ bytes: await here.bytes(made), path: null }, out);
    expect([existsSync(join(out, 'dir', 'hollow')), existsSync(join(out, 'none'))]).toEqual([true, true]);
    const clash = tasks.makeDirectory([
      ['dir', inner],
      ['dir/f', blob('mine')],
    ]);
    await expect(here.run(clash)).rejects.toThrow("two objects of the directory have the path 'dir/f'");
    // What would be a file by one and a folder by another, whichever comes first.
    const folders: [string, DataObject][] = [
      ['dir', inner],
      ['dir/hollow', blob('mine')],
    ];
    await expect(here.run(tasks.makeDirectory(folders))).rejects.toThrow("'dir/hollow' of the directory would be both a file and a folder");
    await expect(here.run(tasks.makeDirectory(folders.reverse()))).rejects.toThrow("'dir/hollow' of the directory would be both");
  });
});

test('sliceDirectory takes a file, or with a last / a folder; what is not there fails the task', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const made = tasks.makeDirectory({ 'a/x': blob('1'), 'a/sub/y': blob('2'), b: blob('3') });
    expect(await here.text(tasks.sliceDirectory(made, 'a/sub/y'))).toBe('2');
    expect(await filesOf(here, tasks.sliceDirectory(made, 'a/'))).toEqual({ x: '1', 'sub/y': '2' });
    await expect(here.run(tasks.sliceDirectory(made, 'a/z'))).rejects.toThrow("Path 'a/z' not found");
    await expect(here.run(tasks.sliceDirectory(made, 'c/'))).rejects.toThrow("Path 'c/' not found");
    await expect(here.run(tasks.sliceDirectory(made, 'a'))).rejects.toThrow(/it is no file/);
  });
});

test('a task of an unknown type fails and says so', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    await expect(here.run(new Task([], 1, { taskType: 'other/thing' }))).rejects.toThrow(/no task is of the type 'other\/thing'/);
  });
});

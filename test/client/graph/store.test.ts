import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ObjectStore } from '../../../src/client/graph/store.ts';

const size = 10_000;

function store(memory?: number): ObjectStore {
  const folder = mkdtempSync(join(tmpdir(), 'store-'));
  const made = new ObjectStore(folder, memory);
  onTestFinished(() => {
    made.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return made;
}

/** Memory for an object, filled. */
function filled(own: ObjectStore, value: number): Buffer {
  return own.room(size).fill(value);
}

test('the memory of an object that is gone is used for the next one', () => {
  const own = store();
  const first = filled(own, 1);
  own.addBytes(1, first);
  own.drop(1);
  const next = filled(own, 2);
  expect(next.buffer).toBe(first.buffer);
  // It is given away once.
  expect(own.room(size).buffer).not.toBe(first.buffer);
});

test('memory is not used again while a task reads it, it is sent, or another object is the same', () => {
  const own = store();
  const bytes = filled(own, 1);
  own.addBytes(1, bytes);
  const used = own.use(1);
  const sent = own.read(1, 0, size);
  own.addSame(2, 1);
  own.drop(1);
  const free = (): boolean => own.room(size).buffer === bytes.buffer;
  expect(free()).toBe(false);
  own.release(used);
  expect(free()).toBe(false);
  sent.sent();
  expect(free()).toBe(false);
  expect([...bytes]).toEqual(new Array(size).fill(1));
  own.drop(2);
  expect(free()).toBe(true);
});

test('memory of others is never used again', () => {
  const own = store();
  const theirs = new Uint8Array(size);
  own.addBytes(1, theirs);
  own.drop(1);
  expect(own.room(size).buffer).not.toBe(theirs.buffer);
});

test('what goes to a file is still there for who reads it in memory', () => {
  const own = store(3 * size);
  const bytes = filled(own, 1);
  own.addBytes(1, bytes);
  const { now } = own.use(1);
  for (let n = 2; n < 5; n++) own.addBytes(n, filled(own, n));
  expect(own.use(1).now.path).not.toBe(null);
  own.drop(1);
  for (let n = 5; n < 9; n++) own.addBytes(n, filled(own, n));
  expect(now.bytes?.[0]).toBe(1);
});

test('no more than a limit lies unused', () => {
  const own = store();
  const bytes = Array.from({ length: 2_000 }, (_, n) => {
    const made = filled(own, n & 255);
    own.addBytes(n, made);
    return made;
  });
  own.clear();
  const buffers = new Set(bytes.map(({ buffer }) => buffer));
  let again = 0;
  for (let i = 0; i < 2_000; i++) if (buffers.has(own.room(size).buffer)) again++;
  // Of 20 MB 8 MiB.
  expect(again).toBe(Math.floor((8 * 2 ** 20) / 10_240));
});

test('empty objects share one content, which outlives each of them, and never goes to a file', () => {
  const own = store(size);
  for (const n of [1, 2]) own.addBytes(n, own.room(0));
  const used = own.use(1);
  expect(own.use(2)).toBe(used);
  own.addSame(3, 1);
  own.release(used);
  own.release(used);
  for (const n of [1, 2, 3]) own.drop(n);
  expect([own.size, own.has(1), own.resident]).toEqual([0, false, 0]);
  own.addBytes(4, own.room(0));
  // Too much for memory: what is full goes to a file.
  for (const n of [5, 6]) own.addBytes(n, filled(own, n));
  expect([own.use(5).now.bytes, own.use(4).now.bytes?.length]).toEqual([null, 0]);
  expect(own.read(4, 0, size).bytes.length).toBe(0);
  // What was empty may be made again with content.
  own.addBytes(4, filled(own, 9));
  expect(own.sizeOf(4)).toBe(size);
});

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blob, directory, json, pickled } from '../../src/session/blob.ts';
import { DataObject } from '../../src/session/data-object.ts';
import { RainException } from '../../src/session/exceptions.ts';
import { ID } from '../../src/session/id.ts';
import { Task, toDataObject } from '../../src/session/task.ts';
import { decodeValue } from '../../src/task/value.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { localSession, thrown } from './homes.ts';

const bytesOf = (object: DataObject): string => Buffer.from(DataObject.recordOf(object).bytes as Uint8Array).toString();

test('a blob is bytes as they are, or a text in UTF-8 of the type text', () => {
  const { session } = localSession();
  const raw = blob(new Uint8Array([1, 2]), { session });
  expect([raw.contentType, raw.label, raw.dataType, DataObject.recordOf(raw).bytes]).toEqual([
    null,
    'const',
    'blob',
    new Uint8Array([1, 2]),
  ]);
  const text = blob('é', { session, label: 'accent' });
  expect([text.contentType, text.label, bytesOf(text)]).toEqual(['text', 'accent', 'é']);
  expect(blob(new Uint16Array([1]).buffer, { session }).contentType).toBeNull();
});

test('a text may be given with the content type that it has', () => {
  const { session } = localSession();
  const object = blob('[1]', { session, contentType: 'json' });
  expect([object.contentType, bytesOf(object)]).toEqual(['json', '[1]']);
  expect(thrown(() => blob('[1]', { session, contentType: 'jsno' })).code).toBe('ERR_CONTENT_TYPE');
  expect(session.dataobjCount).toBe(1);
});

test('any other value needs to be encoded, and pickled and json do that', () => {
  const { session } = localSession();
  expect(thrown(() => blob({ a: 1 }, { session })).message).toMatch(/needs \{ encode: 'json' \} or the like, or pickled\(\)/);
  expect(bytesOf(blob({ a: 1 }, { session, encode: 'json' }))).toBe('{"a":1}');
  const object = pickled(new Map([[1, 2]]), { session });
  expect([object.contentType, object.label]).toEqual(['pickle', 'pickle']);
  expect(decodeValue(DataObject.recordOf(object).bytes as Uint8Array)).toEqual(new Map([[1, 2]]));
  expect(json([1], { session }).contentType).toBe('json');
});

test('bad input of a blob is refused, and nothing is registered', () => {
  const { session } = localSession();
  for (const call of [
    () => blob('x', { session, contentType: 'json', encode: 'json' }),
    () => blob('x', { session, contentType: 'wrong' }),
    () => blob(new Uint8Array(1), { session, encode: 'text' }),
    () => blob('x', { session, label: 5 as unknown as string }),
    () => blob(() => 1, { session, encode: 'pickle' }),
    () => blob('x', { session, lable: 'typo' } as object),
    () => blob('x', { session: {} }),
    () => blob('x'),
  ])
    expect(thrown(call)).toBeInstanceOf(Error);
  expect(thrown(() => blob('x', { session, lable: 'typo' } as object)).message).toMatch(/Did you mean 'label'/);
  expect(session.dataobjCount).toBe(0);
});

test('a directory holds the files of a folder, or none', async () => {
  const { session } = localSession();
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'a'));
  writeFileSync(join(folder, 'a', 'b'), 'x');
  const object = await directory(folder, { session });
  expect([object.dataType, object.label, object.contentType]).toEqual(['dir', 'const_dir', null]);
  expect((await directory(null, { session })).dataType).toBe('dir');
  await expect(directory(join(folder, 'missing'), { session })).rejects.toThrow(RainException);
  await expect(directory(join(folder, 'a', 'b'), { session })).rejects.toThrow(/it is no folder/);
  expect(session.dataobjCount).toBe(2);
});

test('tasks and objects of a session count together, from 10', () => {
  const { session } = localSession(7);
  const first = blob('a', { session });
  const task = new Task([first], 1, { taskType: 'x/y', session });
  expect([first.id, task.output.id, task.id].map(String)).toEqual(['7/10', '7/11', '7/12']);
  expect(first.id.equals(new ID(7, 10))).toBe(true);
  expect(first.id.equals(new ID(8, 10))).toBe(false);
  expect([session.taskCount, session.dataobjCount]).toEqual([1, 2]);
});

test('a task with one output stands for that output; other values are refused with what to do', () => {
  const { session } = localSession();
  const object = blob('a', { session });
  expect(toDataObject(object)).toBe(object);
  const one = new Task([], 1, { taskType: 'x', session });
  expect(toDataObject(one)).toBe(one.output);
  expect(thrown(() => toDataObject(new Task([], 2, { taskType: 'x', session }))).message).toMatch(/has 2 outputs/);
  expect(thrown(() => toDataObject(new Task([], null, { taskType: 'x', session }))).message).toMatch(/has 0 outputs/);
  expect(thrown(() => toDataObject('text')).message).toMatch(/wrap it by blob\(\)/);
  expect(thrown(() => toDataObject(new Uint8Array())).message).toMatch(/wrap it by blob\(\)/);
  expect(thrown(() => toDataObject(5)).message).toMatch(/wrap it by pickled\(\)/);
});

test('objects are kept before they are submitted, one by one or all', () => {
  const { session } = localSession();
  const a = blob('a', { session });
  const task = new Task([a], ['x', 'y'], { taskType: 'x', session });
  expect([a.isKept(), a.keep(), a.isKept()]).toEqual([false, a, true]);
  expect([...task.keepOutputs().outputs].every((output) => output.isKept())).toBe(true);
  const b = blob('b', { session });
  session.keepAll();
  expect(b.isKept()).toBe(true);
});

test('an object that is not submitted can be let go, once', async () => {
  const { session } = localSession();
  const a = blob('a', { session }).keep();
  await a.unkeep();
  expect(a.isKept()).toBe(false);
  await expect(a.unkeep()).rejects.toThrow(/is not kept/);
});

test('what is not submitted cannot be waited for, fetched or asked about', async () => {
  const { session } = localSession();
  const a = blob('a', { session }).keep();
  const task = new Task([a], 1, { taskType: 'x', session });
  for (const call of [
    () => a.fetch(),
    () => a.wait(),
    () => task.wait(),
    () => session.wait([task]),
    () => session.waitSome([a]),
    () => task.update(),
  ])
    await expect(call()).rejects.toThrow(/is not submitted: call session.submit\(\) first/);
  await expect(session.wait([5 as unknown as Task])).rejects.toThrow(/takes tasks and data objects, not number/);
  await expect(session.unkeep([5 as unknown as Task])).rejects.toThrow(RainException);
  await expect(session.wait([task], { timout: 5 } as object)).rejects.toThrow(/Did you mean 'timeout'/);
});

import { expect, test } from 'vitest';
import {
  checkGraphRequest,
  graphEvents,
  isGraphRequest,
  largestInline,
  largestRead,
  mostReads,
  submissionPart,
  type WireNode,
  type WireObject,
} from '../../src/protocol/graph-messages.ts';
import { nodeStates } from '../../src/protocol/graph-views.ts';
import { defaultLimits } from '../../src/protocol/limits.ts';

const object = (value: unknown, more: unknown = null): unknown => [10, 'out', 0, true, value, more];
const submit = (objects: unknown, tasks: unknown = []): unknown => ({ session: 1, objects, tasks, last: true });
const accepts = (parameters: unknown): boolean => {
  try {
    checkGraphRequest('graph.submit', parameters);
    return true;
  } catch {
    return false;
  }
};

test('a submission of the shape of the protocol is taken as it is', () => {
  const constant: WireObject = [10, 'const', 0, false, Uint8Array.of(1), { contentType: 'text' }];
  const output: WireObject = [11, 'output', 1, true, null, null];
  const task: WireNode = [12, 'concat', null, [10, null, 10, 'again'], [11], { cpus: 2, resources: { gpu: 1 }, priority: -1 }];
  const parameters = { session: 1, objects: [constant, output], tasks: [task], last: true };
  expect(checkGraphRequest('graph.submit', parameters)).toBe(parameters);
});

test('a submission with a number, label, constant or amount of the wrong kind is refused', () => {
  for (const bad of [
    submit([object('text')]),
    submit([object(false)]),
    submit([object(new Uint8Array(largestInline + 1))]),
    submit([object(null, { colour: 'red' })]),
    submit([[-1, 'out', 0, true, null, null]]),
    submit([[2 ** 31, 'out', 0, true, null, null]]),
    submit([[1, 'x'.repeat(2_000), 0, true, null, null]]),
    submit([], [[1, 'concat', null, [1], [], null]]),
    submit([], [[1, 'concat', null, ['a', 1], [], null]]),
    submit([], [[1, 'concat', {}, [], [], null]]),
    submit([], [[1, 'concat', null, [], [], { cpus: -1 }]]),
    submit([], [[1, 'concat', null, [], [], { cpus: Number.NaN }]]),
    { session: 1, objects: [], tasks: [] },
  ])
    expect(accepts(bad)).toBe(false);
  expect(accepts(submit([object(null)]))).toBe(true);
});

test('only the requests of graphs are known, and a read is bounded', () => {
  expect(isGraphRequest('graph.fetch')).toBe(true);
  expect(isGraphRequest('progress')).toBe(false);
  expect(isGraphRequest('toString')).toBe(false);
  expect(graphEvents.filter(isGraphRequest)).toEqual([]);
  const read = { fetch: 1, offset: 0, length: largestRead };
  expect(checkGraphRequest('graph.read', read)).toBe(read);
  expect(() => checkGraphRequest('graph.read', { ...read, length: largestRead + 1 })).toThrowError(
    expect.objectContaining({ code: 'ERR_PROTOCOL' }),
  );
});

test('what a connection may hold of a graph at a time fits into its frames and its queue', () => {
  expect(largestInline + submissionPart).toBeLessThan(defaultLimits.frame);
  expect(largestRead * mostReads).toBeLessThan(defaultLimits.queued);
  expect(new Set(nodeStates).size).toBe(nodeStates.length);
});

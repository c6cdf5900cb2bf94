import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { GraphExecution, GraphInput } from '../../src/client/graph-task-runner.ts';
import { TestRunner } from '../support/graph-runner.ts';
import { temporaryFolder } from '../support/temporary.ts';

function input(content: GraphInput['content']): GraphInput {
  return { object: 1, label: null, kind: 'blob', contentType: null, size: 0, content, attributes: null, info: null };
}

test('a runner reads inputs that lie in memory and in files alike, and its failure says what it wrote', async () => {
  const path = join(temporaryFolder(), 'spilled');
  writeFileSync(path, 'world');
  const lines: string[] = [];
  const execution: GraphExecution = {
    session: 1,
    task: 7,
    type: 'concat',
    config: null,
    name: null,
    cpus: 1,
    attributes: null,
    inputs: [input({ bytes: Buffer.from('hello '), path: null }), input({ bytes: null, path })],
    outputs: [{ object: 2, label: 'output', kind: 'blob', contentType: null, attributes: null }],
    sandbox: () => join(path, '..'),
    room: (size) => Buffer.alloc(size),
    sandboxPath: () => join(path, '..'),
    sandboxUnmade: () => {},
    spoiled: () => {},
    signal: new AbortController().signal,
    whenAborted: () => {},
    debug: (line) => lines.push(line),
    progress: () => {},
  };
  const runner = new TestRunner();
  const { outputs } = await runner.run(execution);
  expect(outputs.map(({ content }) => String('bytes' in content ? content.bytes : null))).toEqual(['hello world']);
  await expect(async () => runner.run({ ...execution, type: 'fail', config: 'as told' })).rejects.toMatchObject({
    message: 'as told',
    details: { stderr: 'no such thing' },
  });
  expect(lines).toEqual(['about to fail']);
  runner.forget(1);
  runner.release(7);
  await runner.close();
  expect([runner.ran, runner.forgotten]).toEqual([[7, 7], [1]]);
});

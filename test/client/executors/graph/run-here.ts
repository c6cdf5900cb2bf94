/**
 * Runs tasks of a graph here, one after the other, by the built runner of clients (its threads cannot load TypeScript): what a task needs is run
 * before it, and what it made lies as it would on a client.
 */
import { setMaxListeners } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../../../src/base/clock.ts';
import { silentLogger } from '../../../../src/base/log.ts';
import type { GraphRunnerOptions } from '../../../../src/client/executors/graph/graph-runner.ts';
import type { GraphBytes, GraphInput, GraphOutput, GraphTaskRunner } from '../../../../src/client/graph-task-runner.ts';
import { parseClientOptions } from '../../../../src/config/client.ts';
import { clientEnvironment } from '../../../../src/config/environment.ts';
import { DataObject } from '../../../../src/session/data-object.ts';
import type { ObjectRecord, TaskRecord } from '../../../../src/session/records.ts';
import type { Session } from '../../../../src/session/session.ts';
import { userAttributes } from '../../../../src/session/submission.ts';
import { type DataLike, Task, toDataObject } from '../../../../src/session/task.ts';
import { decodeValue } from '../../../../src/task/value.ts';
import { localSession } from '../../../session/homes.ts';

const built = new URL('../../../../dist/client/executors/graph/graph-runner.js', import.meta.url).href;
const { createGraphRunner } = (await import(built)) as { createGraphRunner(options: GraphRunnerOptions): GraphTaskRunner };

interface Made {
  readonly content: GraphBytes;
  readonly contentType: string | null;
  readonly info: GraphInput['info'];
}

export interface Ran {
  readonly outputs: readonly GraphOutput[];
  readonly user: unknown;
  readonly debug: readonly string[];
  readonly said: readonly unknown[];
}

export class Here {
  readonly session: Session;
  readonly runner: GraphTaskRunner;
  readonly folder: string;
  readonly #abort = new AbortController();
  readonly #made = new Map<ObjectRecord, Made>();
  readonly #ran = new Map<TaskRecord, Promise<Ran>>();

  constructor() {
    // One for all of its tasks.
    setMaxListeners(0, this.#abort.signal);
    this.session = localSession().session;
    this.folder = mkdtempSync(join(tmpdir(), 'graph-here-'));
    const { config } = parseClientOptions({ numTasks: 2 });
    const options = {
      id: 'here',
      config,
      environment: clientEnvironment(),
      spoolFolder: this.folder,
      clock: systemClock,
      logger: silentLogger,
    };
    this.runner = createGraphRunner(options);
    onTestFinished(async () => {
      await this.runner.close();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  /** What is left of the runner after its end. */
  async closed(): Promise<string[]> {
    await this.runner.close();
    return readdirSync(this.folder).filter((name) => !name.startsWith('sandbox-'));
  }

  abort(): void {
    this.#abort.abort();
  }

  run(task: Task): Promise<Ran> {
    return this.#run(Task.recordOf(task));
  }

  async bytes(like: DataLike): Promise<Buffer> {
    const { content } = await this.#have(DataObject.recordOf(toDataObject(like)));
    return content.path === null ? Buffer.from(content.bytes) : readFileSync(content.path);
  }

  async text(like: DataLike): Promise<string> {
    return (await this.bytes(like)).toString();
  }

  async made(like: DataLike): Promise<{ content: GraphBytes; contentType: string | null; user: unknown }> {
    const { content, contentType, info } = await this.#have(DataObject.recordOf(toDataObject(like)));
    return { content, contentType, user: info === null ? null : decodeValue(info) };
  }

  async #have(object: ObjectRecord): Promise<Made> {
    if (object.bytes !== null) {
      const bytes = typeof object.bytes === 'function' ? await object.bytes() : object.bytes;
      return { content: { bytes, path: null }, contentType: object.contentType, info: null };
    }
    if (object.producer !== null) await this.#run(object.producer);
    return this.#made.get(object) as Made;
  }

  #run(task: TaskRecord): Promise<Ran> {
    let ran = this.#ran.get(task);
    if (ran === undefined) {
      ran = this.#start(task);
      this.#ran.set(task, ran);
    }
    return ran;
  }

  async #start(task: TaskRecord): Promise<Ran> {
    const inputs: GraphInput[] = [];
    for (const [at, object] of task.inputs.entries()) {
      const { content, contentType, info } = await this.#have(object);
      const size = content.path === null ? content.bytes.length : readFileSync(content.path).length;
      const attributes = userAttributes(object.user, 'object');
      inputs.push({
        object: object.id,
        label: task.labels?.[at] ?? null,
        kind: object.dataType === 'dir' ? 'directory' : 'blob',
        contentType,
        size,
        content,
        attributes,
        info,
      });
    }
    const debug: string[] = [];
    const said: unknown[] = [];
    let sandbox: string | null = null;
    const outcome = await this.runner.run({
      session: 1,
      task: task.id,
      type: task.type,
      config: task.encoded,
      name: task.name,
      cpus: 1,
      attributes: userAttributes(task.user, 'task'),
      inputs,
      outputs: task.outputs.map(({ id, label, dataType, contentType, user }) => ({
        object: id,
        label,
        kind: dataType === 'dir' ? 'directory' : 'blob',
        contentType,
        attributes: userAttributes(user, 'output'),
      })),
      sandbox: () => {
        sandbox ??= mkdtempSync(join(this.folder, 'sandbox-'));
        return sandbox;
      },
      sandboxPath: () => join(this.folder, `sandbox-own-${task.id}`),
      sandboxUnmade: () => {},
      signal: this.#abort.signal,
      whenAborted: (act) => this.#abort.signal.addEventListener('abort', () => act(this.#abort.signal.reason)),
      spoiled: () => {},
      room: (size) => Buffer.alloc(size),
      debug: (line) => debug.push(line),
      progress: (value) => said.push(decodeValue(value)),
    });
    for (const [at, object] of task.outputs.entries()) {
      const { content, contentType, attributes } = outcome.outputs[at] as GraphOutput;
      const taken = 'input' in content ? (inputs[content.input] as GraphInput).content : content;
      this.#made.set(object, { content: taken, contentType: contentType ?? object.contentType, info: attributes });
    }
    return { outputs: outcome.outputs, user: outcome.attributes === null ? null : decodeValue(outcome.attributes), debug, said };
  }
}

/**
 * A session as its tasks and objects see it: what was made and not submitted yet, what was submitted, and the calls to the server about both.
 *
 * *open* → *failed* (a task failed: the failure is thrown by every access) → *closed*; *open* → *lost* (the connection is gone) → *closed*. Nothing is
 * registered by a call that throws.
 */
import { MillraceError } from '../base/errors.ts';
import type { GraphFailure, NodeId } from '../protocol/graph-messages.ts';
import { clearDefault } from './active.ts';
import type { Conversation } from './conversation.ts';
import type { DataInstance } from './data-instance.ts';
import { RainException, SessionException, TaskException } from './exceptions.ts';
import { instanceOf, readObject } from './fetching.ts';
import { firstId } from './id.ts';
import { failureIn, failureOf, learn, objectInfo } from './known.ts';
import { type Patience, patienceOf, type WaitOptions } from './options.ts';
import { closeSession, leaveSession, letGo, Parting } from './parting.ts';
import type { Home, NodeRecord, ObjectRecord, TaskRecord } from './records.ts';
import { refusal } from './refusal.ts';
import { contentsOf, deliver } from './submission.ts';
import { SubmittedNodes } from './submitted.ts';
import { Submitting } from './submitting.ts';

/** Of an update, in one request: the answer may be about fewer. */
const mostItems = 50_000;

export type OnFailure = 'fail' | 'continue';

export class SessionHome implements Home {
  readonly id: number;
  /** It goes on without this program. */
  readonly persistent: boolean;
  readonly #conversation: Conversation;
  readonly #onFailure: OnFailure;
  readonly #constants = new Map<string, ObjectRecord>();
  readonly submitted: SubmittedNodes = new SubmittedNodes();
  /** What was not submitted yet. */
  newTasks: TaskRecord[] = [];
  newObjects: ObjectRecord[] = [];
  #next: number = firstId;
  readonly #submitting: Submitting = new Submitting(this);
  #failure: TaskException | null = null;
  #lost: SessionException | null = null;
  readonly #parting = new Parting();

  constructor(id: number, conversation: Conversation, onFailure: OnFailure, persistent = false) {
    this.id = id;
    this.persistent = persistent;
    this.#conversation = conversation;
    this.#onFailure = onFailure;
  }

  get isOpen(): boolean {
    return !this.#parting.begun;
  }

  /** @throws SessionException when it is closed or lost, the TaskException that it failed by */
  check(): void {
    if (this.#parting.begun) throw new SessionException('the session is closed');
    if (this.#failure !== null) throw this.#failure;
    if (this.#lost !== null) throw this.#lost;
  }

  enrol(task: TaskRecord | null, objects: readonly ObjectRecord[]): void {
    this.check();
    const code = task === null ? [] : task.inputs.filter(({ id }) => id < 0);
    for (const object of code.length === 0 ? objects : [...new Set(code), ...objects]) {
      object.id = this.#next++;
      this.newObjects.push(object);
    }
    if (task === null) return;
    task.id = this.#next++;
    this.newTasks.push(task);
  }

  constant(key: string, make: () => ObjectRecord): ObjectRecord {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#constants.set(key, made);
    return made;
  }

  /** All that was made until now, as one, after the submission before. Who gives up before it has begun calls it off; later it goes on. */
  async submit(options: WaitOptions): Promise<void> {
    const patience = patienceOf(options, 'submit()');
    if (patience.signal?.aborted) throw new MillraceError('ERR_ABORTED', 'nothing was submitted: the signal was aborted before');
    let isOver = false;
    const accepted = this.#submitting.next(async () => (isOver ? undefined : this.#submitNow()));
    try {
      await this.#conversation.within(patience, 'the submission was not accepted', accepted);
    } finally {
      isOver = true;
    }
  }

  async #submitNow(): Promise<void> {
    this.check();
    const [tasks, objects] = [this.newTasks, this.newObjects];
    if (tasks.length === 0 && objects.length === 0) return;
    this.newTasks = [];
    this.newObjects = [];
    // From here on they are submitted: what is said of them now comes too late.
    for (const task of tasks) task.state = 'waiting';
    for (const object of objects) object.state = object.isConstant ? 'finished' : 'unfinished';
    const upTo = this.#next;
    try {
      const contents = await contentsOf(objects);
      await this.#access(() => deliver((name, parameters) => this.#conversation.ask(name, parameters), this.id, objects, contents, tasks));
    } catch (error) {
      for (const node of [...tasks, ...objects]) node.state = null;
      this.newTasks = [...tasks, ...this.newTasks];
      this.newObjects = [...objects, ...this.newObjects];
      throw error;
    }
    this.#submitting.accepted(upTo);
    for (const object of objects) object.bytes = null;
    this.submitted.add(tasks, objects);
  }

  async fetch(object: ObjectRecord, options: WaitOptions): Promise<DataInstance> {
    const parts: Uint8Array[] = [];
    for await (const part of this.#read(object, this.#conversation.together(patienceOf(options, 'fetch()')))) parts.push(part);
    return instanceOf(object, parts);
  }

  /** `timeout`: of each part, since its reader may take its time. */
  stream(object: ObjectRecord, options: WaitOptions): AsyncGenerator<Uint8Array> {
    const patience = patienceOf(options, 'stream()');
    if (!this.#submitting.brings([object])) this.#checkSubmitted([object], true);
    return this.#read(object, patience);
  }

  async *#read(object: ObjectRecord, patience: Patience): AsyncGenerator<Uint8Array> {
    await this.#caughtUp(patience, [object]);
    this.#checkSubmitted([object], true);
    const reader = readObject(this.#conversation, this.id, object.id, patience, (info) => {
      object.info = objectInfo(info);
      if (object.state === 'unfinished') object.state = 'finished';
    });
    for (;;) {
      const next = await this.#access(() => reader.next());
      if (next.done === true) return;
      yield next.value;
    }
  }

  async wait(nodes: readonly NodeRecord[], options: WaitOptions): Promise<void> {
    const patience = await this.#caughtUp(patienceOf(options, 'wait()'), nodes);
    this.#checkSubmitted(nodes);
    if (nodes.length === 0) return;
    await this.#ended(nodes, () => this.#await(nodes, false, patience));
  }

  /** Those of `nodes` that have ended, at least one. */
  async waitSome(nodes: readonly NodeRecord[], options: WaitOptions): Promise<NodeRecord[]> {
    const patience = await this.#caughtUp(patienceOf(options, 'waitSome()'), nodes);
    this.#checkSubmitted(nodes);
    if (nodes.length === 0) return [];
    try {
      const ended = new Set(await this.#await(nodes, true, patience));
      const found = nodes.filter(({ id }) => ended.has(id));
      await this.#ended(found, async () => {});
      return found;
    } catch (error) {
      if (!(error instanceof TaskException) || this.#onFailure === 'fail') throw error;
      await this.update(nodes, {});
      return nodes.filter(({ state }) => state === 'finished' || state === 'failed' || state === 'removed');
    }
  }

  async waitAll(options: WaitOptions): Promise<void> {
    const patience = await this.#caughtUp(patienceOf(options, 'waitAll()'));
    this.check();
    const all = [...this.submitted.tasks.values()];
    const tasks = all.filter(({ state }) => state !== 'finished' && state !== 'failed');
    // Of a failure the server tells each time.
    if (tasks.length === 0 && !all.some(({ state }) => state === 'failed')) return;
    await this.#ended([...tasks, ...tasks.flatMap(({ outputs }) => outputs)], () => this.#await([], false, patience));
  }

  async update(nodes: readonly NodeRecord[], options: WaitOptions): Promise<void> {
    const patience = await this.#caughtUp(patienceOf(options, 'update()'), nodes);
    this.#checkSubmitted(nodes);
    for (let from = 0; from < nodes.length; ) {
      const items = nodes.slice(from, from + mostItems).map(({ id }) => id);
      const infos = await this.#access(() => this.#conversation.ask('graph.update', { session: this.id, items }, patience));
      for (const info of infos) learn(nodes[from++]!, info);
    }
  }

  async unkeep(objects: readonly ObjectRecord[], options: WaitOptions): Promise<void> {
    const patience = await this.#caughtUp(patienceOf(options, 'unkeep()'), objects);
    this.check();
    const not = objects.find(({ kept }) => !kept);
    if (not !== undefined) throw new RainException(`the object '${not.label}' #${not.id} is not kept`);
    const submitted = objects.filter(({ state }) => state !== null).map(({ id }) => id);
    if (submitted.length > 0)
      await this.#access(() => letGo((name, parameters) => this.#conversation.ask(name, parameters, patience), this.id, submitted));
    for (const object of objects) object.kept = false;
    if (!this.persistent) this.submitted.letGo(objects.map(({ producer }) => producer));
  }

  /** Requests about the session itself. */
  ask: Conversation['ask'] = async (name, parameters, patience) => {
    this.check();
    return await this.#access(() => this.#conversation.ask(name, parameters, patience));
  };

  /** It ends on the server; resolves also when that is gone. */
  async close(options: WaitOptions): Promise<void> {
    await this.#end(patienceOf(options, 'close()'), 'the server had not closed the session', closeSession);
  }

  /** It goes on without this program. */
  async detach(options: WaitOptions): Promise<void> {
    const patience = patienceOf(options, 'detach()');
    if (!this.persistent) throw new RainException('only a persistent session goes on without its program: open it with `persistent: true`');
    await this.#end(patience, 'the server had not let go of the session', leaveSession);
  }

  #end(patience: Patience, words: string, how: typeof closeSession): Promise<void> {
    clearDefault(this);
    // Where it is lost, nobody is there to be told.
    const ended = this.#parting.once(async () => (this.#lost === null ? how(this.#conversation, this.id, this.persistent) : undefined));
    return this.#conversation.within(patience, words, ended);
  }

  /** What was submitted before. `next`: the first number that is free. */
  resume({ tasks, objects }: { tasks: readonly TaskRecord[]; objects: readonly ObjectRecord[] }, next: number): void {
    this.submitted.add(tasks, objects);
    this.#next = Math.max(this.#next, next);
    this.#submitting.accepted(this.#next);
  }

  /** The server says that a task failed, and the session with it. */
  failed(failure: GraphFailure): void {
    this.#failure ??= new TaskException(failureOf(failure, this.submitted.tasks.get(failure.task)));
  }

  lost(error: SessionException): void {
    this.#lost ??= error;
  }

  /** What the server refuses because the session failed is that failure. */
  async #access<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const failure = failureIn(error);
      if (failure !== null && this.#onFailure === 'fail') this.failed(failure);
      else if (failure !== null) throw new TaskException(failureOf(failure, this.submitted.tasks.get(failure.task)), { cause: error });
      if (this.#failure !== null) throw this.#failure;
      if (this.#parting.begun) throw new SessionException('the session was closed meanwhile', { cause: error });
      if (this.#lost !== null) throw this.#lost;
      throw refusal(error);
    }
  }

  async #await(nodes: readonly NodeRecord[], some: boolean, patience: Patience): Promise<NodeId[]> {
    const items = nodes.map(({ id }) => id);
    return (await this.#access(() => this.#conversation.ask('graph.wait', { session: this.id, items, some }, patience))).finished;
  }

  /** Notes that these have ended. With `continue` some of them may have failed: the server knows, also when waiting for them throws that. */
  async #ended(nodes: readonly NodeRecord[], waiting: () => Promise<unknown>): Promise<void> {
    if (this.#onFailure === 'fail') {
      await waiting();
      for (const node of nodes) {
        if (node.state !== 'removed') node.state = 'finished';
        if (node.kind === 'task') node.createdAt = null;
      }
      return this.persistent ? undefined : this.submitted.letGo(nodes);
    }
    try {
      await waiting();
    } finally {
      if (this.#lost === null && !this.#parting.begun) await this.update(nodes, {});
      if (!this.persistent) this.submitted.letGo(nodes);
    }
  }

  /** What was given to `submit()` counts as submitted: who asks about such nodes, null: about all, waits until they are. What is left of the time. */
  async #caughtUp(patience: Patience, nodes: readonly NodeRecord[] | null = null): Promise<Patience> {
    const whole = this.#conversation.together(patience);
    if (this.#submitting.brings(nodes)) await this.#conversation.within(whole, 'the submission was not accepted', this.#submitting.ended);
    return whole;
  }

  /** @throws RainException, and as `check()` */
  #checkSubmitted(nodes: readonly NodeRecord[], toRead = false): void {
    for (const node of nodes) {
      if (node.home !== this) throw new RainException('a task or object of another session: ask that one');
      if (node.state === null) throw new RainException(`the ${node.kind} #${node.id} is not submitted: call session.submit() first`);
      if (toRead && node.kind === 'object' && !node.kept && !node.isConstant)
        throw new RainException(`the object '${node.label}' #${node.id} is not kept: call keep() before submit() to fetch it`);
    }
    this.check();
  }
}

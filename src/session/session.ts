/** The handle of a session: where a program makes its graph, submits it, waits for it and fetches from it. */
import { parseDuration } from '../base/duration.ts';
import type { GraphProgress } from '../protocol/graph-views.ts';
import type { Duration } from '../task/task.ts';
import { activeHome, isActive, setDefault, withActive } from './active.ts';
import type { DataInstance } from './data-instance.ts';
import { DataObject } from './data-object.ts';
import { Graph } from './drawing.ts';
import { RainException } from './exceptions.ts';
import { HomeOwner, ownerOf } from './home.ts';
import { type Item, itemsOf, recordOf, recordsOf } from './items.ts';
import { checkOptions, patienceOf, type WaitOptions } from './options.ts';
import type { ObjectRecord } from './records.ts';
import type { SessionHome } from './session-home.ts';
import { type DataLike, Task, toDataObject } from './task.ts';

export interface SessionWatchers {
  progress: Set<(progress: GraphProgress) => void>;
  said: Set<(task: number, value: unknown) => void>;
}

/**
 * Made by `client.newSession()`. *Open* until it is closed; when one of its tasks fails it has *failed*: what runs of it is stopped, and each further access
 * (`submit`, `wait…`, `fetch`, `update`, `unkeep`, and the making of tasks) throws the `TaskException`; `close()` and what is known locally do not.
 * With `onFailure: 'continue'` only what needs the failed task fails with it, and waiting throws only when all that was waited for has ended. (Source: Rain, `client.Session`.)
 */
export class Session extends HomeOwner {
  readonly name: string;
  readonly #home: SessionHome;
  readonly #watchers: SessionWatchers;
  readonly #resumed: boolean;

  /** Not for users: see `client.newSession()`. */
  constructor(home: SessionHome, name: string, watchers: SessionWatchers, resumed = false) {
    super(home);
    this.#resumed = resumed;
    this.#home = home;
    this.name = name;
    this.#watchers = watchers;
  }

  /** The number that its server gave it. */
  get sessionId(): number {
    return this.#home.id;
  }

  /** It goes on without this program. */
  get persistent(): boolean {
    return this.#home.persistent;
  }

  /** A persistent session that was there before: `submitted()` has its tasks and objects. */
  get resumed(): boolean {
    return this.#resumed;
  }

  /**
   * Handles of all that was submitted, by this program or those before it, in the order in which it was made. A session that is not persistent leaves out tasks
   * that were seen to end well and keep no output.
   */
  submitted(): { tasks: Task[]; objects: DataObject[] } {
    const { tasks, objects } = this.#home.submitted;
    return {
      tasks: Array.from(tasks.values(), (task) => Task.of(task)),
      objects: Array.from(objects.values(), (own) => DataObject.of(own)),
    };
  }

  /** Whether it is on the stack of this asynchronous context, or the default session; a closed one never is. */
  get active(): boolean {
    return this.#home.isOpen && isActive(this.#home);
  }

  /** Tasks that are not submitted. */
  get taskCount(): number {
    return this.#home.newTasks.length;
  }

  /** Data objects that are not submitted: outputs and constants. */
  get dataobjCount(): number {
    return this.#home.newObjects.length;
  }

  /**
   * Runs `body` with this session active, then closes it, also when `body` throws. What `body` awaits and starts sees it too; other flows do not.
   * @throws SessionException when it is closed
   */
  async run<T>(body: (session: this) => T | Promise<T>): Promise<T> {
    this.#checkOpen();
    try {
      return await withActive(this.#home, () => body(this));
    } finally {
      await this.close();
    }
  }

  /** The same without closing it. @throws SessionException when it is closed */
  async bindOnly<T>(body: (session: this) => T | Promise<T>): Promise<T> {
    this.#checkOpen();
    return await withActive(this.#home, () => body(this));
  }

  /** The session that is active where no other is, until it is closed or another one is. */
  setAsDefault(): void {
    this.#checkOpen();
    setDefault(this.#home);
  }

  /**
   * Sends all tasks and objects that were made and not submitted: all of them are accepted, or none, and then they stay as they were. Graphs of any size
   * go in parts. When `timeout` or `signal` ends the waiting before it is sent, nothing is submitted; later it goes on: `submit()` again waits for it, and
   * sends what was not accepted.
   * @throws RainException, TaskException, SessionException, ERR_TIMEOUT, ERR_ABORTED
   */
  async submit(options: WaitOptions = {}): Promise<void> {
    await this.#home.submit(options);
  }

  /** Until all of these have ended. @throws RainException for what is not submitted or not of this session */
  async wait(items: Iterable<Item>, options: WaitOptions = {}): Promise<void> {
    await this.#home.wait(recordsOf(items, 'wait()'), options);
  }

  /** Until at least one of these has ended: those that have, tasks and objects, in the order in which they were given. */
  async waitSome(items: Iterable<Item>, options: WaitOptions = {}): Promise<[tasks: Task[], objects: DataObject[]]> {
    const given = itemsOf(items, 'waitSome()');
    const ended = new Set(await this.#home.waitSome(given.map(recordOf), options));
    const some = given.filter((item) => ended.has(recordOf(item)));
    return [some.filter((item) => item instanceof Task), some.filter((item) => item instanceof DataObject)];
  }

  /** Until all tasks that were submitted have ended. */
  async waitAll(options: WaitOptions = {}): Promise<void> {
    await this.#home.waitAll(options);
  }

  /** Waits for an object and gives its content; it must be kept, or a constant. Each call reads it anew. */
  async fetch(object: DataLike, options: WaitOptions = {}): Promise<DataInstance> {
    return await this.#home.fetch(this.#own(object), options);
  }

  /** As `fetch()`, its bytes part by part as they are read: for what is larger than memory. A `timeout` is for each part. */
  stream(object: DataLike, options: WaitOptions = {}): AsyncIterable<Uint8Array> {
    return this.#home.stream(this.#own(object), options);
  }

  /** Asks what became of these: their `state` and `info`. */
  async update(items: Iterable<Item>, options: WaitOptions = {}): Promise<void> {
    await this.#home.update(recordsOf(items, 'update()'), options);
  }

  /** `keep()` of all objects that are not submitted. */
  keepAll(): void {
    for (const object of this.#home.newObjects) object.kept = true;
  }

  /** Lets objects go when nobody needs them, at once. @throws RainException when one of them is not kept: then none is let go */
  async unkeep(objects: Iterable<DataLike>, options: WaitOptions = {}): Promise<void> {
    if (typeof objects !== 'object' || objects === null || !(Symbol.iterator in objects))
      throw new RainException('unkeep() takes a list of data objects');
    await this.#home.unkeep(
      Array.from(objects, (object) => this.#own(object)),
      options,
    );
  }

  /** How far it is. */
  async progress(options: WaitOptions = {}): Promise<GraphProgress> {
    return await this.#home.ask('graph.progress', { session: this.#home.id }, patienceOf(options, 'progress()'));
  }

  /**
   * Calls `listener` when something has changed, at most `every` (default 0.5 s).
   * @returns How to stop it.
   */
  async onProgress(
    listener: (progress: GraphProgress) => void,
    options: WaitOptions & { readonly every?: Duration } = {},
  ): Promise<() => void> {
    const { every: given = 0.5, ...bounds } = checkOptions(options, ['every', 'timeout', 'signal'], 'onProgress()');
    const every = Math.max(1, parseDuration(given, 'every'));
    const patience = patienceOf(bounds, 'onProgress()');
    checkListener(listener, 'onProgress()');
    this.#watchers.progress.add(listener);
    try {
      await this.#home.ask('graph.watch', { session: this.#home.id, every }, patience);
    } catch (error) {
      this.#watchers.progress.delete(listener);
      throw error;
    }
    return () => {
      this.#watchers.progress.delete(listener);
      // Nobody listens: nothing more is told. Should the server be gone, it tells nothing anyway.
      if (this.#watchers.progress.size === 0) this.#home.ask('graph.watch', { session: this.#home.id, every: 0 }).catch(() => {});
    };
  }

  /** Calls `listener` with what running functions say by `context.progress()`: the task's number and the value. @returns How to stop it. */
  onSaid(listener: (task: number, value: unknown) => void): () => void {
    checkListener(listener, 'onSaid()');
    this.#watchers.said.add(listener);
    return () => void this.#watchers.said.delete(listener);
  }

  /** Why a task does not run yet, in a sentence. */
  async explain(task: Task, options: WaitOptions = {}): Promise<string> {
    if (!(task instanceof Task)) throw new RainException(`explain() takes a task, not ${typeof task}`);
    const own = Task.recordOf(task);
    if (own.home !== this.#home || own.state === null) throw new RainException('explain() takes a task of this session that is submitted');
    const { reason } = await this.#home.ask('graph.explain', { session: this.#home.id, task: own.id }, patienceOf(options, 'explain()'));
    return reason;
  }

  /** The graph as a picture, what was submitted and what was not. `showIds`: default true. */
  makeGraph(options: { readonly showIds?: boolean } = {}): Graph {
    const { submitted, newTasks, newObjects } = this.#home;
    const { showIds = true } = checkOptions(options, ['showIds'], 'makeGraph()');
    const { tasks, objects } = submitted;
    return new Graph([...tasks.values(), ...newTasks], [...objects.values(), ...newObjects], submitted.past(), showIds);
  }

  /**
   * Stops its tasks and lets its objects go. A second time, or after a failure: nothing is thrown. Whenever `timeout` or `signal` end the waiting, it is closed
   * here, and on the server when that hears of it.
   * @throws ERR_TIMEOUT, ERR_ABORTED; of a persistent session also why its server cannot be told
   */
  async close(options: WaitOptions = {}): Promise<void> {
    await this.#home.close(options);
  }

  /**
   * Lets go of a persistent session, which goes on: any program may take it up by its name. `client.close()` and the end of the program do the same.
   * @throws RainException when it is not persistent; ERR_TIMEOUT, ERR_ABORTED: it is let go of all the same
   */
  async detach(options: WaitOptions = {}): Promise<void> {
    await this.#home.detach(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #own(object: DataLike): ObjectRecord {
    return DataObject.recordOf(toDataObject(object));
  }

  #checkOpen(): void {
    if (!this.#home.isOpen) this.#home.check();
  }
}

function checkListener(listener: unknown, owner: string): void {
  if (typeof listener !== 'function') throw new RainException(`${owner} takes a function to call; it is of type ${typeof listener}`);
}

/** The session in which tasks and objects are made here and now. @throws RainException (ERR_SESSION) when there is none (Source: Rain, `session.get_active_session`.) */
export function getActiveSession(): Session {
  const owner = ownerOf(activeHome());
  if (owner instanceof Session) return owner;
  throw new RainException('no session is active', { code: 'ERR_SESSION' });
}

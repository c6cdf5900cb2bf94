/** The handle of a data object: what a task makes, or a constant of the program. */
import type { DataType, ObjectInfo, ObjectSpec } from './attributes.ts';
import { mergeContentTypes } from './content-type.ts';
import type { DataInstance } from './data-instance.ts';
import { RainException } from './exceptions.ts';
import { ID } from './id.ts';
import type { WaitOptions } from './options.ts';
import type { ObjectRecord, ObjectState } from './records.ts';

/**
 * Made by `blob()`, `pickled()`, `json()`, `directory()` and as the output of a task. It is *unsubmitted* until `session.submit()`, then
 * *unfinished*, *finished* and, when nobody needs it any more, *removed*. (Source: Rain, `client.DataObject`.)
 */
export class DataObject {
  readonly #record: ObjectRecord;

  /** Not for users: see `blob()` and its like. */
  constructor(own: ObjectRecord) {
    this.#record = own;
  }

  /** For the library: the handle of this one, always the same. */
  static of(own: ObjectRecord): DataObject {
    if (own.handle instanceof DataObject) return own.handle;
    const made = new DataObject(own);
    own.handle = made;
    return made;
  }

  /** For the library. */
  static recordOf(object: DataObject): ObjectRecord {
    return object.#record;
  }

  get id(): ID {
    const { home, id } = this.#record;
    return new ID(home.id, id);
  }

  get label(): string {
    return this.#record.label;
  }

  get dataType(): DataType {
    return this.#record.dataType;
  }

  /** As of the last `submit()`, `wait()`, `fetch()` or `update()`; null: not submitted. */
  get state(): ObjectState {
    return this.#record.state;
  }

  /** What the program asked for; `spec.user` may be set until it is submitted. */
  get spec(): ObjectSpec {
    const own = this.#record;
    own.user ??= {};
    const { id, label, contentType, dataType, user } = own;
    return { id, label, contentType, dataType, user };
  }

  /** What became of it; null until the first `fetch()` or `update()`. */
  get info(): ObjectInfo | null {
    return this.#record.info;
  }

  /** The narrower of what was asked for and what became of it. */
  get contentType(): string | null {
    const { contentType, info } = this.#record;
    return mergeContentTypes(contentType, info?.contentType ?? null);
  }

  /**
   * Let it stay when nobody needs it any more, until `unkeep()` or the end of its session; only what is kept can be fetched.
   * @throws RainException once it is submitted
   */
  keep(): this {
    const own = this.#record;
    if (own.state !== null) throw new RainException(`${this} is submitted: what is to be kept is said before that`);
    own.kept = true;
    return this;
  }

  isKept(): boolean {
    return this.#record.kept;
  }

  /**
   * Let it go when nobody needs it, also while tasks run that do.
   * @throws RainException when it is not kept, and as every access to its session
   */
  async unkeep(options: WaitOptions = {}): Promise<void> {
    await this.#record.home.unkeep([this.#record], options);
  }

  /**
   * Waits until it is finished, and gives its content. As often as you like.
   * @throws RainException when it is not submitted or not kept, and as every access to its session
   */
  fetch(options: WaitOptions = {}): Promise<DataInstance> {
    return this.#record.home.fetch(this.#record, options);
  }

  /** As `fetch()`, its bytes part by part as they are read: for what is larger than memory. A `timeout` is for each part. */
  stream(options: WaitOptions = {}): AsyncIterable<Uint8Array> {
    return this.#record.home.stream(this.#record, options);
  }

  /** Until it is finished. */
  async wait(options: WaitOptions = {}): Promise<void> {
    await this.#record.home.wait([this.#record], options);
  }

  /** Asks what became of it: `state` and `info`. */
  async update(options: WaitOptions = {}): Promise<void> {
    await this.#record.home.update([this.#record], options);
  }

  /** @throws RainException when it is no directory */
  expectDir(): void {
    if (this.#record.dataType !== 'dir') throw new RainException(`${this} is no directory`);
  }

  /** @throws RainException when it is a directory */
  expectBlob(): void {
    if (this.#record.dataType !== 'blob') throw new RainException(`${this} is a directory`);
  }

  toString(): string {
    const { home, id, label } = this.#record;
    return `<DataObject ${home.id}/${id}${label === '' ? '' : ` '${label}'`}>`;
  }
}

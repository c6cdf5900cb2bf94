/**
 * The way into the core for what the server's thread reads itself, from its source or over HTTP: as for any submitter, without a connection. Nothing is packed,
 * queued or copied in between: a million lines over HTTP took 20 to 40 MB more, and longer, by way of a connection inside the thread.
 */
import { type Deferred, deferred } from '../base/deferred.ts';
import { MillraceError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { BundleSink, Receipt } from '../source/pump.ts';
import type { WireTask } from '../task/task.ts';
import { BundleSender, type Intake } from './intake.ts';
import type { Links } from './links.ts';
import type { Turns } from './turns.ts';

export interface OwnIntakeParts {
  readonly turns: Turns;
  readonly intake: Intake;
  readonly links: Links;
  /** The server cannot go on. */
  failed(error: MillraceError): void;
  /** The end of the server. */
  readonly ended: Promise<unknown>;
}

export class OwnIntake {
  readonly #parts: OwnIntakeParts;
  readonly #open: Set<OwnSubmission> = new Set();
  #ended: MillraceError | null = null;

  constructor(parts: OwnIntakeParts) {
    this.#parts = parts;
    const over = (thrown?: unknown): void => this.#end(MillraceError.from(thrown ?? 'the server has ended', 'ERR_ENDED'));
    parts.ended.then(() => over(), over);
  }

  /** A submission begins: it keeps the run open until it is closed. `vital`: when its tasks cannot be looked up, the server fails. @throws ERR_ENDED */
  open(vital = false): OwnSubmission {
    if (this.#ended !== null) throw this.#ended;
    const submission = new OwnSubmission(this.#parts, vital, () => this.#open.delete(submission));
    this.#open.add(submission);
    return submission;
  }

  /** Which of these the store knows by their key or id: their places, with their numbers. */
  known(tasks: readonly WireTask[]): Promise<ReadonlyMap<number, number>> {
    return this.#parts.intake.known(tasks);
  }

  /** The server has ended: nothing that waits will be committed. */
  #end(error: MillraceError): void {
    this.#ended = error;
    for (const submission of this.#open) submission.fail(error);
  }
}

/** Numbers its bundles itself: not all that a pump has reach it. */
export class OwnSubmission implements BundleSink {
  /** Rejects when nothing of it is taken any more. */
  readonly failed: Promise<never>;
  readonly #parts: OwnIntakeParts;
  readonly #closed: () => void;
  readonly #id = newId();
  readonly #sender: BundleSender;
  /** Bundles that are not answered, oldest first. */
  readonly #waiting: { readonly sequence: number; readonly receipt: Deferred<Receipt> }[] = [];
  readonly #failed: Deferred<never> = deferred();
  #sequence = 0;
  #error: MillraceError | null = null;

  constructor(parts: OwnIntakeParts, vital: boolean, closed: () => void) {
    const { links, turns } = parts;
    this.#parts = parts;
    this.#closed = closed;
    this.failed = this.#failed.promise;
    this.failed.catch(() => {});
    this.#sender = new BundleSender(`own ${this.#id}`, (error) => (vital ? parts.failed(error) : this.fail(error)));
    links.intercept(this.#sender.name, {
      receive: (message) => {
        if (message[0] !== 'submitted') return;
        const place = this.#waiting.findIndex(({ sequence }) => sequence === message[2]);
        if (place !== -1) this.#waiting.splice(place, 1)[0]!.receipt.resolve(message[3]);
      },
      cut: (error) => this.fail(error),
    });
    turns.feed({ type: 'submitter-open', connection: this.#sender.name, submitter: this.#id });
  }

  send(_sequence: number, tasks: WireTask[]): Promise<Receipt> {
    if (this.#error !== null) return Promise.reject(this.#error);
    const receipt = deferred<Receipt>();
    this.#sequence += 1;
    this.#waiting.push({ sequence: this.#sequence, receipt });
    this.#parts.intake.submit(this.#sender, ['submit', this.#id, this.#sequence, tasks, false]);
    return receipt.promise;
  }

  /** Nothing of it is taken any more. */
  fail(error: MillraceError): void {
    this.#error ??= error;
    this.#failed.reject(error);
    for (const { receipt } of this.#waiting.splice(0)) receipt.reject(error);
  }

  /** No more bundles: the run may end without this submission. */
  close(): void {
    this.#closed();
    this.#parts.intake.done(this.#sender, this.#id);
    this.#parts.links.intercept(this.#sender.name, null);
  }
}

/** The way into the core for what the server reads itself: as for any submitter, without a connection. */
import type { Message } from '../protocol/messages.ts';
import type { WireTask } from '../task/task.ts';
import type { BundleSender, Intake } from './intake.ts';
import type { Links } from './links.ts';
import type { Turns } from './turns.ts';

export interface OwnIntakeParts {
  readonly sender: BundleSender;
  readonly turns: Turns;
  readonly intake: Intake;
  readonly links: Links;
}

export class OwnIntake {
  readonly #parts: OwnIntakeParts;

  constructor(parts: OwnIntakeParts) {
    this.#parts = parts;
  }

  /** A submitter begins: answers to it go to `receive`. */
  open(submitter: string, receive: (message: Message) => void): void {
    const { sender, links, turns } = this.#parts;
    links.intercept(sender.name, receive);
    turns.feed({ type: 'submitter-open', connection: sender.name, submitter });
  }

  close(submitter: string): void {
    this.#parts.intake.done(this.#parts.sender, submitter);
  }

  submit(submitter: string, sequence: number, tasks: WireTask[]): void {
    this.#parts.intake.submit(this.#parts.sender, ['submit', submitter, sequence, tasks, false]);
  }

  /** Which of these the store knows by their key or id: their places, with their numbers. */
  known(tasks: readonly WireTask[]): Promise<ReadonlyMap<number, number>> {
    return this.#parts.intake.known(tasks);
  }
}

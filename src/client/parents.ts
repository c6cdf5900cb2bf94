/**
 * Asks the server how the tasks ended that a function depends on, before it starts. A question is asked again on the next connection until
 * it is answered: the server answers only for tasks that are leased to this client.
 */
import { MillraceError } from '../base/errors.ts';
import type { Answer, Refusal, Request } from '../protocol/messages.ts';
import { fromWireError } from '../protocol/wire-error.ts';
import { outcomes } from '../task/result.ts';
import type { ParentEnd } from './executor.ts';

interface Question {
  readonly n: number;
  answered(ends: readonly ParentEnd[]): void;
  refused(error: MillraceError): void;
}

export class ParentQuestions {
  readonly #send: (message: Request) => void;
  readonly #open: Map<number, Question> = new Map();
  #last = 0;

  constructor(send: (message: Request) => void) {
    this.#send = send;
  }

  /** Ask for the parents of task `n`; the way to call it off, after which neither is called. */
  ask(n: number, answered: Question['answered'], refused: Question['refused']): () => void {
    const id = ++this.#last;
    this.#open.set(id, { n, answered, refused });
    this.#send(['?', id, 'parents', { n }]);
    return () => this.#open.delete(id);
  }

  /** A new connection stands, and the server knows again what is leased to this client. */
  askAgain(): void {
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const question of open) {
      // Under a new number: an answer of the former connection must not count.
      const id = ++this.#last;
      this.#open.set(id, question);
      this.#send(['?', id, 'parents', { n: question.n }]);
    }
  }

  receive(message: Answer | Refusal): void {
    const question = this.#open.get(message[1]);
    if (question === undefined) return;
    this.#open.delete(message[1]);
    if (message[0] === '!') question.refused(fromWireError(message[2]));
    else if (areEnds(message[2])) question.answered(message[2]);
    else question.refused(new MillraceError('ERR_PROTOCOL', 'the server answered with something that are no ends of tasks'));
  }
}

function areEnds(value: unknown): value is ParentEnd[] {
  return Array.isArray(value) && value.every(isEnd);
}

function isEnd(value: unknown): value is ParentEnd {
  if (typeof value !== 'object' || value === null) return false;
  const { id, outcome, value: result, stdout } = value as Partial<Record<keyof ParentEnd, unknown>>;
  return typeof id === 'string' && typeof outcome === 'number' && outcome in outcomes && isContent(result) && isContent(stdout);
}

function isContent(value: unknown): boolean {
  return value === null || typeof value === 'string' || value instanceof Uint8Array;
}

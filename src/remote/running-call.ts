/** A call as its method sees it while it runs, and what ends with the connection on which it came. */
import type { MillraceError } from '../base/errors.ts';
import type { CurrentCall } from './current-call.ts';

/** A call whose method runs. */
export class Running implements CurrentCall {
  readonly session: string;
  readonly #ending: Ending;
  #controller: AbortController | null = null;
  #reason: MillraceError | null = null;

  constructor(session: string, ending: Ending) {
    this.session = session;
    this.#ending = ending;
  }

  /** Made when a method asks for it: most do not. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== null) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  get givenUp(): boolean {
    return this.#reason !== null;
  }

  abort(reason: MillraceError): void {
    this.#reason ??= reason;
    this.#controller?.abort(reason);
  }

  onEnd(freed: () => void): () => void {
    return this.#ending.add(freed);
  }
}

/** What ends with the connection. */
export class Ending {
  #parts: Set<() => void> | null = new Set();

  get over(): boolean {
    return this.#parts === null;
  }

  add(freed: () => void): () => void {
    if (this.#parts === null) freed();
    else this.#parts.add(freed);
    return () => void this.#parts?.delete(freed);
  }

  end(): void {
    const parts = this.#parts ?? [];
    this.#parts = null;
    for (const freed of parts) freed();
  }
}

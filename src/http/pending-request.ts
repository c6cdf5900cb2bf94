/** A request of a pool that is under way: what it will come to, as a value or as a promise. */
import type { HTTPError } from './http-error.ts';
import type { Request } from './request.ts';
import { Response } from './response.ts';

/** Nobody has to look at it: the pool's waits have it too. */
export class PendingRequest<Body = unknown> {
  readonly request: Request;
  /** Resolves with the answer or the error, never rejects. */
  readonly settled: Promise<Response<Body> | HTTPError>;
  readonly #abort: () => void;

  constructor(request: Request, settled: Promise<Response<Body> | HTTPError>, abort: () => void) {
    this.request = request;
    this.settled = settled;
    this.#abort = abort;
  }

  /** Ends it: its error is ERR_ABORTED. Nothing happens when it has ended. */
  abort(): void {
    this.#abort();
  }

  /** Its answer. @throws HTTPError */
  async answer(): Promise<Response<Body>> {
    const outcome = await this.settled;
    if (outcome instanceof Response) return outcome;
    throw outcome;
  }
}

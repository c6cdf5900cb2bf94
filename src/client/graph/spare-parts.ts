/** Memory for stretches on their way between a file and a connection, used again and again: fresh memory for each costs more than the way itself. */
import { largestRead } from '../../protocol/graph-messages.ts';

/** So many are kept for the next. */
const mostSpare = 8;

export class SpareParts {
  /** Bytes of each. */
  readonly size: number = largestRead;
  readonly #spare: Buffer[] = [];

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.size);
  }

  give(part: Buffer): void {
    if (this.#spare.length < mostSpare) this.#spare.push(part);
  }
}

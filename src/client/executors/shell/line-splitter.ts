/**
 * Cuts the bytes of a stream into lines of text: pure, no pipe, no time.
 *
 * Only `\n` ends a line: a `\r` before it is part of the line. What is not UTF-8 becomes U+FFFD; a character is never cut between two chunks.
 * A line longer than `longestLine` comes in pieces of about that length, so that a stream without line breaks needs no more memory than that.
 */
import { cutBytes } from './spool.ts';

/** Bytes. */
export const longestLine: number = 1024 * 1024;

const lineFeed = 10;

export class LineSplitter {
  /** The beginning of a line whose end has not come. */
  #parts: Buffer[] = [];
  #length = 0;

  /** The lines that end in this chunk, and pieces of one that is too long. */
  push(chunk: Buffer): string[] {
    const last = chunk.lastIndexOf(lineFeed);
    const lines = last < 0 ? [] : this.#whole(chunk.subarray(0, last));
    const rest = chunk.subarray(last + 1);
    if (rest.length > 0) {
      this.#parts.push(rest);
      this.#length += rest.length;
      if (this.#length > longestLine) this.#cut(lines);
    }
    return lines;
  }

  /** The stream is over: its last line, when no line break ended it. */
  end(): string[] {
    return this.#length === 0 ? [] : this.#whole(Buffer.alloc(0));
  }

  /** What was kept and this, up to a line break. */
  #whole(end: Buffer): string[] {
    const bytes = this.#length === 0 ? end : Buffer.concat([...this.#parts, end]);
    this.#parts = [];
    this.#length = 0;
    const lines = bytes.toString('utf8').split('\n');
    return bytes.length <= longestLine ? lines : lines.flatMap(pieces);
  }

  #cut(lines: string[]): void {
    const bytes = Buffer.concat(this.#parts);
    let from = 0;
    while (bytes.length - from > longestLine) {
      const piece = bytes.subarray(from, from + longestLine);
      const whole = piece.subarray(0, piece.length - cutBytes(piece));
      lines.push(whole.toString('utf8'));
      from += whole.length;
    }
    this.#parts = [bytes.subarray(from)];
    this.#length = bytes.length - from;
  }
}

/** A line by itself is at most a chunk longer than what is allowed. */
function pieces(line: string): string[] {
  if (line.length * 3 <= longestLine) return [line];
  const bytes = Buffer.from(line);
  const cut: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    const piece = bytes.subarray(from, from + longestLine);
    const whole = from + longestLine < bytes.length ? piece.subarray(0, piece.length - cutBytes(piece)) : piece;
    cut.push(whole.toString('utf8'));
    from += whole.length;
  }
  return cut;
}

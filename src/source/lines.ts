/**
 * Reader of text, line by line: files and streams of bytes. A line ends with `\n` or `\r\n`, the last one with the text;
 * blanks around a line and a byte-order mark at the start are taken off. A character may be split over chunks.
 */
import { StringDecoder } from 'node:string_decoder';
import { MillraceError } from '../base/errors.ts';
import { thrownBySource } from './iterables.ts';
import type { SourceReader } from './reader.ts';

/** Where the chunks come from. */
export interface ChunkSource {
  /** The next chunk, null at the end; a text is taken as it is. */
  read(): Promise<Uint8Array | string | null>;
  /** Never rejects. */
  close(): Promise<void>;
}

/** Longest line in characters: what is longer is no list of commands (a binary file, say) and must not fill the memory. */
const longestLine = 16 * 1024 * 1024;

export class LineReader implements SourceReader {
  readonly json: boolean;
  readonly #chunks: ChunkSource;
  readonly #decoder = new StringDecoder('utf8');
  /** Lines at hand, from `#next` on. */
  #lines: string[] = [];
  #next = 0;
  /** The start of a line whose end has not been read, in pieces. */
  #pieces: string[] = [];
  #pieceLength = 0;
  #first = true;
  #ended = false;
  #closed: Promise<void> | null = null;

  /** `json`: each line is a value of JSON, whose columns are counted: nothing but the line's end is taken off. */
  constructor(chunks: ChunkSource, json = false) {
    this.#chunks = chunks;
    this.json = json;
  }

  take(limit: number): readonly string[] | Promise<readonly string[]> {
    return this.#next < this.#lines.length || this.#ended ? this.#atHand(limit) : this.#read(limit);
  }

  close(): Promise<void> {
    this.#ended = true;
    this.#closed ??= this.#chunks.close();
    return this.#closed;
  }

  #atHand(limit: number): readonly string[] {
    const from = this.#next;
    this.#next = Math.min(from + limit, this.#lines.length);
    return this.#lines.slice(from, this.#next);
  }

  async #read(limit: number): Promise<readonly string[]> {
    try {
      while (this.#next >= this.#lines.length && !this.#ended) {
        const chunk = await this.#chunks.read();
        if (chunk === null) this.#end();
        else
          this.#add(typeof chunk === 'string' ? chunk : this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)));
      }
      if (this.#ended) await this.close();
      return this.#atHand(limit);
    } catch (error) {
      await this.close();
      throw thrownBySource(error);
    }
  }

  #add(text: string): void {
    let from = 0;
    if (this.#first && text !== '') {
      this.#first = false;
      if (text.charCodeAt(0) === 0xfeff) from = 1;
    }
    const lines = (from === 0 ? text : text.slice(from)).split('\n');
    const rest = lines.pop()!;
    if (lines.length > 0) {
      if (this.#pieces.length > 0) lines[0] = this.#pieces.join('') + lines[0]!;
      this.#pieces = [];
      this.#pieceLength = 0;
      for (let i = 0; i < lines.length; i += 1) lines[i] = this.#cleaned(lines[i]!);
      this.#lines = lines;
      this.#next = 0;
    }
    if (rest === '') return;
    this.#pieces.push(rest);
    this.#pieceLength += rest.length;
    if (this.#pieceLength > longestLine) {
      throw new MillraceError('ERR_SOURCE', `the source has a line of more than ${longestLine} characters: is it a list of commands?`);
    }
  }

  #cleaned(line: string): string {
    if (!this.json) return stripped(line);
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }

  #end(): void {
    this.#ended = true;
    const last = this.#pieces.join('') + this.#decoder.end();
    this.#lines = last === '' ? [] : [this.#cleaned(last)];
    this.#next = 0;
    this.#pieces = [];
  }
}

/** Without the ASCII blanks around it; other blanks of Unicode are the command's own. */
function stripped(line: string): string {
  let from = 0;
  let to = line.length;
  while (from < to && isBlank(line.charCodeAt(from))) from += 1;
  while (to > from && isBlank(line.charCodeAt(to - 1))) to -= 1;
  return from === 0 && to === line.length ? line : line.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

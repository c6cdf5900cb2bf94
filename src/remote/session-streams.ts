/**
 * The streams of one connection, both ways: what this side has is pulled as the other side grants, what the other side has is read here. A stream is known by
 * a key, which stays the same when it is read on over another connection.
 */
import { MillraceError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Lingering } from './lingering.ts';
import { type ReaderLink, RemoteStream, StreamReader } from './stream-reader.ts';
import { chunkWeight, isStream, type SourceLink, StreamSource } from './stream-source.ts';
import type { Telling, Told } from './telling.ts';
import type { Values } from './values.ts';

export type StreamKey = string | number;

export interface StreamSetup {
  /** Sends an event. `failed`: it had to wait, and then could not be sent. @throws ERR_NOT_CLONEABLE, ERR_FRAME_TOO_LARGE */
  send(name: 'items' | 'end' | 'grant' | 'quit', value: readonly unknown[], failed?: (error: unknown) => void): void;
  /** Packs and unpacks items. */
  values(): Values;
  telling(): Telling;
  /** What the other side threw. */
  thrown(wire: unknown): unknown;
  /** Keeps the streams of this side over a lost connection; null: they end with it. */
  readonly lingering: Lingering | null;
  /** The streams of the next connection to the same daemon; null: there is none. */
  renew: (() => Promise<SessionStreams>) | null;
  /** Asks the other side to go on. */
  resume(key: string, arrived: number, granted: number): Promise<unknown>;
}

export class SessionStreams {
  readonly #setup: StreamSetup;
  readonly #sources: Map<StreamKey, StreamSource> = new Map();
  readonly #readers: Map<StreamKey, StreamReader> = new Map();
  /** The keys of streams that were passed on more than once. */
  readonly #given: WeakMap<object, StreamKey> = new WeakMap();
  readonly #collected: FinalizationRegistry<StreamReader> = new FinalizationRegistry((reader) => reader.quit());
  #last = 0;

  constructor(setup: StreamSetup) {
    this.#setup = setup;
  }

  /** Streams of this side, and of the other. */
  get counts(): { readonly sources: number; readonly readers: number } {
    return { sources: this.#sources.size, readers: this.#readers.size };
  }

  /** The key of a stream of this side; null: it is none. */
  give(part: object): StreamKey | null {
    if (!isStream(part)) return null;
    const known = this.#given.get(part);
    if (known !== undefined) throw new MillraceError('ERR_NOT_CLONEABLE', 'a stream can be passed on only once: its items are gone then');
    const { lingering } = this.#setup;
    this.#last += 1;
    const key = lingering === null ? this.#last : newId();
    const source = new StreamSource(part, this.#sourceLink(key), lingering !== null);
    this.#given.set(part, key);
    this.#hold(key, source);
    return key;
  }

  /** A stream that was given, but not told: it is as it was. */
  takeBack(part: object): void {
    const key = this.#given.get(part);
    if (key === undefined) return;
    this.#given.delete(part);
    this.#sources.delete(key);
    if (typeof key === 'string') this.#setup.lingering?.drop(key);
  }

  /** The stream of a key of the other side. */
  take(key: unknown): RemoteStream | undefined {
    if ((typeof key !== 'string' && typeof key !== 'number') || this.#readers.has(key)) return undefined;
    const { renew } = this.#setup;
    const reopen =
      renew === null || typeof key === 'number'
        ? null
        : async (): Promise<void> => {
            const streams = await renew();
            await streams.#adopt(key, reader);
          };
    const reader = new StreamReader(this.#readerLink(key), reopen);
    this.#readers.set(key, reader);
    const stream = new RemoteStream(reader);
    this.#collected.register(stream, reader);
    return stream;
  }

  /** Somebody reads on. @throws ERR_OBJECT */
  resume(key: unknown, arrived: unknown, granted: unknown): void {
    const { lingering } = this.#setup;
    if (lingering === null || typeof key !== 'string' || typeof arrived !== 'number' || typeof granted !== 'number')
      throw new MillraceError('ERR_PROTOCOL', 'a stream is asked for in a wrong way');
    const source = lingering.take(key);
    this.#hold(key, source);
    source.attach(this.#sourceLink(key), arrived, granted);
  }

  /** An event of the other side. @throws ERR_PROTOCOL */
  event(name: string, value: unknown): void {
    const [key, first, second]: unknown[] = Array.isArray(value) ? value : [];
    if (name === 'grant') this.#sources.get(key as StreamKey)?.grant(typeof first === 'number' ? first : 0);
    else if (name === 'quit') this.#quit(key as StreamKey);
    else {
      const reader = this.#readers.get(key as StreamKey);
      if (reader === undefined) return;
      if (name === 'items') reader.items(this.#setup.values().unpackList(first, second), chunkWeight(first));
      else reader.ended(first === true, first === true ? this.#setup.thrown(second) : undefined);
    }
  }

  /** The connection is over. */
  end(error: MillraceError | null): void {
    const { lingering } = this.#setup;
    for (const [key, source] of this.#sources) {
      if (error !== null && lingering !== null && typeof key === 'string') {
        source.detach();
        lingering.release(key);
      } else {
        if (typeof key === 'string') lingering?.drop(key);
        source.close();
      }
    }
    this.#sources.clear();
    const readers = [...this.#readers.values()];
    this.#readers.clear();
    for (const reader of readers) reader.lost(error !== null, error);
  }

  async #adopt(key: string, reader: StreamReader): Promise<void> {
    this.#readers.set(key, reader);
    const { arrived, granted } = reader.place;
    try {
      await this.#setup.resume(key, arrived, granted);
    } catch (error) {
      this.#readers.delete(key);
      throw error;
    }
    reader.attach(this.#readerLink(key));
  }

  #hold(key: StreamKey, source: StreamSource): void {
    this.#sources.set(key, source);
    if (typeof key !== 'string') return;
    this.#setup.lingering?.hold(key, source, () => {
      source.detach();
      this.#sources.delete(key);
    });
  }

  #quit(key: StreamKey): void {
    const source = this.#sources.get(key);
    if (source === undefined) return;
    this.#sources.delete(key);
    if (typeof key === 'string') this.#setup.lingering?.drop(key);
    source.close();
  }

  #sourceLink(key: StreamKey): SourceLink {
    return {
      items: (items) => {
        const telling = this.#setup.telling();
        telling.record();
        try {
          const packed = this.#setup.values().packList(items, 'an item of a stream');
          let told: Told = null;
          this.#setup.send('items', [key, ...packed], (error) => {
            telling.takeBack(told);
            this.#sources.get(key)?.fail(error);
          });
          told = telling.told();
          return chunkWeight(packed[0]);
        } catch (error) {
          telling.takeBack(telling.told());
          throw error;
        }
      },
      end: (failed, error) => {
        const { send, values } = this.#setup;
        const told = (thrown: unknown): void =>
          send('end', [key, true, values().packError(thrown)], (tooLarge) => send('end', [key, true, values().packError(tooLarge)]));
        if (!failed) send('end', [key, false]);
        else
          try {
            told(error);
          } catch (tooLarge) {
            told(tooLarge);
          }
      },
    };
  }

  #readerLink(key: StreamKey): ReaderLink {
    return {
      grant: (total) => this.#setup.send('grant', [key, total]),
      quit: () => {
        this.#readers.delete(key);
        this.#setup.send('quit', [key]);
      },
    };
  }
}

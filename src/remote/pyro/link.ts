/**
 * One connection to a Pyro daemon, from its greeting on. The daemon answers one call after the other, in their order; calls are sent without waiting for
 * those before, each answer finds its call by its number.
 */
import { systemClock } from '../../base/clock.ts';
import { onAbort } from '../../base/deferred.ts';
import { MillraceError } from '../../base/errors.ts';
import { isFull, type PyroChannel } from '../../transport/pyro-channel.ts';
import { inflateWithin } from '../../transport/pyro-digest.ts';
import type { CallBounds } from '../caller.ts';
import { encodeFrame, type Frame, FrameReader, flags, jsonSerializer, kinds, type Seal } from './core/frame.ts';
import { textOf } from './core/text.ts';
import { descriptionOf, type PyroDescription, refusal } from './description.ts';
import type { PyroValues } from './values.ts';

export interface LinkSetup {
  readonly channel: PyroChannel;
  readonly seal: Seal | null;
  readonly values: PyroValues;
  /** Bytes of a message. */
  readonly largest: number;
  /** An answer that is a stream of items, by the id of the stream. */
  stream(id: string): unknown;
  /** A call on it was given up: the next needs another connection. This one is closed when its other calls have their answers. */
  retired(link: PyroLink): void;
  closed(link: PyroLink): void;
}

interface Call {
  readonly frame: (sequence: number) => Buffer;
  readonly oneway: boolean;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Calls on their way; more wait here: numbers have 16 bits, and a daemon that is slow should not have to keep them. */
const mostOnTheWay = 1_024;

/** States. *greeting* (`greet`): nothing else is sent. *open*: calls go. *retired*: no new ones; it closes when the last has its answer. *over*. */
export class PyroLink {
  readonly #setup: LinkSetup;
  readonly #reader: FrameReader;
  /** By number; null: its caller has given it up. */
  readonly #onTheWay: Map<number, Call | null> = new Map();
  readonly #waiting: Set<Call> = new Set();
  #sequence = 0;
  #greeting: Call | null = null;
  #over: MillraceError | null = null;
  #retired = false;

  constructor(setup: LinkSetup) {
    this.#setup = setup;
    this.#reader = new FrameReader(setup.seal, setup.largest);
    setup.channel.start({
      data: (bytes) => this.#data(bytes),
      drained: () => this.#send(),
      closed: (error) => this.#closed(error),
    });
  }

  get open(): boolean {
    return this.#over === null && !this.#retired;
  }

  /** Greets the daemon. @returns what the object is. Rejects with ERR_CONNECTION_CLOSED, ERR_OBJECT, ERR_AUTH, ERR_PROTOCOL, … */
  async greet(object: string, handshake: unknown, bounds: CallBounds): Promise<PyroDescription> {
    const { values, seal, largest, channel } = this.#setup;
    const text = `{"handshake":${values.write(handshake, 'the handshake')},"object":${JSON.stringify(object)}}`;
    const answer = await this.#bounded(bounds, 'the greeting', (call) => {
      this.#greeting = call;
      channel.write(encodeFrame({ kind: kinds.connect, flags: flags.metadata, sequence: 0, text }, seal, largest));
    });
    return descriptionOf(answer);
  }

  /** A call of a method; `__getattr__` and `__setattr__` are those of attributes. */
  call(object: string, method: string, params: string, kwargs: string, bits: number, bounds: CallBounds): Promise<unknown> {
    const { seal, largest } = this.#setup;
    const text = `{"object":${JSON.stringify(object)},"method":${JSON.stringify(method)},"params":${params},"kwargs":${kwargs}}`;
    const frame = (sequence: number): Buffer => encodeFrame({ kind: kinds.invoke, flags: bits, sequence, text }, seal, largest);
    return this.#bounded(
      bounds,
      method,
      (call) => {
        this.#waiting.add(call);
        this.#send();
      },
      { frame, oneway: (bits & flags.oneway) !== 0 },
    );
  }

  #retire(): void {
    this.#retired = true;
    if (this.#waiting.size === 0 && ![...this.#onTheWay.values()].some((call) => call !== null)) this.#setup.channel.close();
  }

  /** Sends what is queued, and closes; calls on their way fail. */
  close(): void {
    this.#setup.channel.close();
    this.#closed(null);
  }

  #bounded(
    { timeout, signal }: CallBounds,
    method: string,
    start: (call: Call) => void,
    form: Pick<Call, 'frame' | 'oneway'> = { frame: () => Buffer.alloc(0), oneway: false },
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let stopTimer: (() => void) | null = null;
      let unhear: (() => void) | null = null;
      const over = (): void => {
        stopTimer?.();
        unhear?.();
      };
      const call: Call = {
        ...form,
        resolve: (value) => {
          over();
          resolve(value);
        },
        reject: (error) => {
          over();
          reject(error);
        },
      };
      const giveUp = (error: MillraceError): void => {
        this.#giveUp(call);
        call.reject(error);
      };
      const aborted = (): void =>
        giveUp(new MillraceError('ERR_ABORTED', `the call of '${method}' was aborted`, { cause: signal?.reason }));
      if (this.#over !== null) {
        reject(this.#over);
        return;
      }
      if (signal?.aborted) {
        aborted();
        return;
      }
      if (timeout !== null)
        stopTimer = systemClock.after(timeout, () =>
          giveUp(new MillraceError('ERR_TIMEOUT', `'${method}' did not answer within ${timeout} ms`)),
        );
      if (signal !== null) unhear = onAbort(signal, aborted);
      start(call);
    });
  }

  /** The daemon goes on with it and answers nothing else before: the next call needs another connection. */
  #giveUp(call: Call): void {
    if (this.#waiting.delete(call)) return;
    if (this.#greeting === call) {
      this.#setup.channel.destroy();
      return;
    }
    for (const [sequence, other] of this.#onTheWay)
      if (other === call) {
        this.#onTheWay.set(sequence, null);
        this.#setup.retired(this);
        this.#retire();
        return;
      }
  }

  #send(): void {
    const { channel } = this.#setup;
    for (const call of this.#waiting) {
      if (this.#onTheWay.size >= mostOnTheWay || isFull(channel)) return;
      this.#waiting.delete(call);
      do this.#sequence = (this.#sequence + 1) & 0xffff;
      while (this.#onTheWay.has(this.#sequence));
      let bytes: Buffer;
      try {
        bytes = call.frame(this.#sequence);
      } catch (error) {
        call.reject(error);
        continue;
      }
      if (!call.oneway) this.#onTheWay.set(this.#sequence, call);
      channel.write(bytes);
      if (call.oneway) call.resolve(undefined);
    }
  }

  #data(bytes: Buffer): void {
    try {
      this.#reader.push(bytes);
      for (let frame = this.#reader.next(); frame !== null && this.#over === null; frame = this.#reader.next()) this.#frame(frame);
    } catch (error) {
      this.#fail(MillraceError.from(error, 'ERR_PROTOCOL'));
    }
    if (this.#waiting.size > 0) this.#send();
    else if (this.#retired) this.#retire();
  }

  #frame(frame: Frame): void {
    if (this.#greeting !== null) {
      this.#greeted(frame, this.#greeting);
      return;
    }
    const call = this.#onTheWay.get(frame.sequence);
    if (frame.kind !== kinds.result || call === undefined)
      throw new MillraceError('ERR_PROTOCOL', `an answer came that belongs to no call (kind ${frame.kind}, number ${frame.sequence})`);
    this.#onTheWay.delete(frame.sequence);
    if (call === null) return;
    try {
      call.resolve(this.#result(frame));
    } catch (error) {
      call.reject(error);
    }
  }

  #result(frame: Frame): unknown {
    if ((frame.flags & flags.stream) !== 0) {
      const id = frame.annotations.get('STRM');
      if (id !== undefined) return this.#setup.stream(id.toString('latin1'));
      throw new MillraceError(
        'ERR_NOT_CLONEABLE',
        'the result is an iterator, and the daemon has its streams switched off (ITER_STREAMING)',
      );
    }
    const value = this.#read(frame);
    if ((frame.flags & flags.exception) !== 0) throw value;
    return value;
  }

  #greeted(frame: Frame, greeting: Call): void {
    // What cannot be read is thrown, which fails the greeting with the connection.
    if (frame.kind === kinds.connected) {
      const answer = this.#read(frame);
      this.#greeting = null;
      greeting.resolve(answer);
      return;
    }
    if (frame.kind !== kinds.refused)
      throw new MillraceError('ERR_PROTOCOL', `the daemon answered the greeting by a message of kind ${frame.kind}`);
    // Before it knows how to answer, a daemon does so in marshal: a byte or five, then the text.
    const text =
      frame.serializer === jsonSerializer ? textOf(this.#read(frame)) : frame.data.toString('latin1').replace(/^[^\x20-\x7e]?./, '');
    this.#greeting = null;
    greeting.reject(refusal(text, this.#setup.channel.peer));
    this.#setup.channel.close();
  }

  #read(frame: Frame): unknown {
    const { values, largest } = this.#setup;
    if (frame.serializer !== jsonSerializer)
      throw new MillraceError(
        'ERR_NOT_CLONEABLE',
        `the answer is in serializer ${frame.serializer} of Pyro; spoken here is JSON (${jsonSerializer})`,
      );
    if ((frame.flags & flags.compressed) === 0) return values.read(frame.data);
    try {
      return values.read(inflateWithin(frame.data, largest));
    } catch (cause) {
      if (cause instanceof MillraceError) throw cause;
      throw new MillraceError('ERR_PROTOCOL', `a compressed message is malformed, or larger than the limit of ${largest} bytes`, { cause });
    }
  }

  #fail(error: MillraceError): void {
    this.#setup.channel.destroy(error);
    this.#closed(error);
  }

  #closed(error: MillraceError | null): void {
    if (this.#over !== null) return;
    const { peer } = this.#setup.channel;
    this.#over = error ?? new MillraceError('ERR_CONNECTION_CLOSED', `the connection to ${peer} ended before the answer came`);
    const calls = [this.#greeting, ...this.#onTheWay.values(), ...this.#waiting];
    this.#greeting = null;
    this.#onTheWay.clear();
    this.#waiting.clear();
    this.#setup.closed(this);
    for (const call of calls) call?.reject(this.#over);
  }
}

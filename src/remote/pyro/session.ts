/**
 * One connection of a Pyro client to our daemon. It greets first; then its calls are answered one after the other, in their order. Whatever breaks the
 * rules of the wire costs this connection and nothing else.
 */
import { systemClock } from '../../base/clock.ts';
import { MillraceError, reasonOf } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { defaultLimits } from '../../protocol/limits.ts';
import { isFull, type PyroChannel } from '../../transport/pyro-channel.ts';
import { inflateWithin } from '../../transport/pyro-digest.ts';
import { within } from '../current-call.ts';
import { Ending, Running } from '../running-call.ts';
import type { Target } from '../target.ts';
import { encodeFrame, type Frame, FrameReader, flags, jsonSerializer, kinds, type Seal } from './core/frame.ts';
import { textOf } from './core/text.ts';
import { perform, performBatch, type Request, requestOf } from './requests.ts';
import { iteratorOf, type StreamTable } from './stream-table.ts';
import type { PyroValues } from './values.ts';

export interface PyroSessionSetup {
  readonly channel: PyroChannel;
  readonly seal: Seal | null;
  readonly values: PyroValues;
  readonly streams: StreamTable;
  readonly largest: number;
  readonly onewayThreaded: boolean;
  /** What is answered to what a client says at its greeting; throwing turns it away. */
  greet(said: unknown): unknown;
  /** An error of a method that is a callback: it is told on this side too. */
  callbackFailed(error: unknown, method: string): void;
  /** @throws ERR_OBJECT */
  find(object: string, session: PyroSession): Target;
  closed(session: PyroSession): void;
}

const { handshakeFrame, handshakeTimeout, highWater } = defaultLimits;
/** Oneway calls that may wait behind each other; one more, and the connection is not read on. */
const mostOneways = 1_000;

/** States. *greeting*: one frame, within a time. *serving*. *over* (`close`, or lost): methods that run are told. */
export class PyroSession {
  readonly id: string = newId();
  readonly #setup: PyroSessionSetup;
  readonly #reader: FrameReader;
  readonly #running: Set<Running> = new Set();
  readonly #ending: Ending = new Ending();
  readonly #stopTimer: () => void;
  #state: 'greeting' | 'serving' | 'over' = 'greeting';
  #busy = false;
  #oneways: Promise<unknown> = Promise.resolve();
  #onewaysLeft = 0;
  #onewayRoom: (() => void) | null = null;
  #drained: (() => void) | null = null;

  constructor(setup: PyroSessionSetup) {
    this.#setup = setup;
    this.#reader = new FrameReader(setup.seal, handshakeFrame);
    const late = new MillraceError('ERR_TIMEOUT', `a client of Pyro did not greet within ${handshakeTimeout} ms`);
    this.#stopTimer = systemClock.after(handshakeTimeout, () => this.#setup.channel.destroy(late), { unref: true });
    setup.channel.start({
      data: (bytes) => {
        this.#reader.push(bytes);
        if (this.#busy && this.#reader.size > highWater) setup.channel.pause();
        this.#pump();
      },
      drained: () => this.#drained?.(),
      closed: () => this.#closed(),
    });
  }

  close(): void {
    this.#setup.channel.close();
  }

  /** One frame after the other; the next waits for the answer of the last. */
  #pump(): void {
    while (!this.#busy && this.#state !== 'over') {
      let going: Promise<void> | null;
      try {
        const frame = this.#reader.next();
        if (frame === null) {
          this.#setup.channel.resume();
          return;
        }
        going = this.#handle(frame);
      } catch (error) {
        this.#broken(MillraceError.from(error, 'ERR_PROTOCOL'));
        return;
      }
      if (going === null) continue;
      this.#busy = true;
      going.then(
        () => {
          this.#busy = false;
          this.#pump();
        },
        (error: unknown) => this.#broken(MillraceError.from(error, 'ERR_PROTOCOL')),
      );
    }
  }

  #broken(error: MillraceError): void {
    const { channel, seal, largest } = this.#setup;
    if (this.#state === 'greeting' && error.code === 'ERR_AUTH') {
      // Under our key: by that a client sees that it has another one, and says so.
      channel.write(encodeFrame({ kind: kinds.refused, flags: 0, sequence: 0, text: '"hmac"' }, seal, largest));
      channel.close();
      this.#state = 'over';
    } else channel.destroy(error);
  }

  /** Null: done. */
  #handle(frame: Frame): Promise<void> | null {
    if (this.#state === 'greeting') return this.#greet(frame);
    if (frame.kind === kinds.ping) {
      this.#send(frame, kinds.ping, 0, 'pong');
      return null;
    }
    if (frame.kind !== kinds.invoke) throw new MillraceError('ERR_PROTOCOL', `a client sent a message of kind ${frame.kind}`);
    let request: Request;
    try {
      request = requestOf(this.#read(frame));
    } catch (error) {
      // What is no JSON is of no peer that could go on; a class that is not known is.
      if (error instanceof MillraceError && error.code === 'ERR_PROTOCOL') throw error;
      this.#refuse(frame, error);
      return this.#untilSent();
    }
    if ((frame.flags & (flags.oneway | flags.batch)) === flags.oneway) return this.#oneway(request);
    return this.#answer(frame, request);
  }

  async #greet(frame: Frame): Promise<void> {
    const { greet, find, largest } = this.#setup;
    if (frame.kind !== kinds.connect) throw new MillraceError('ERR_PROTOCOL', 'a client did not greet');
    let text: string;
    try {
      const said = this.#read(frame);
      if (typeof said !== 'object' || said === null) throw new MillraceError('ERR_PROTOCOL', 'a greeting is malformed');
      const { handshake, object } = said as { handshake?: unknown; object?: unknown };
      const answer = await greet(handshake);
      const exposure = (frame.flags & flags.metadata) !== 0 ? find(textOf(object), this).exposure : null;
      text = this.#setup.values.write(
        exposure === null ? answer : { handshake: answer, meta: metadataOf(exposure) },
        'the answer to a greeting',
      );
    } catch (error) {
      const why = error instanceof MillraceError && error.code === 'ERR_OBJECT' ? 'unknown object' : reasonOf(error);
      this.#send(frame, kinds.refused, 0, JSON.stringify(why));
      this.#setup.channel.close();
      this.#state = 'over';
      return;
    }
    this.#stopTimer();
    this.#reader.largest = largest;
    if (this.#state === 'greeting') this.#state = 'serving';
    this.#send(frame, kinds.connected, frame.flags & flags.metadata, text);
  }

  async #answer(frame: Frame, request: Request): Promise<void> {
    const { values, streams, find } = this.#setup;
    const call = this.#begin();
    try {
      if ((frame.flags & flags.batch) !== 0) {
        const text = await performBatch(find(request.object, this), request, values, (body) => within(call, body));
        if ((frame.flags & flags.oneway) === 0) this.#send(frame, kinds.result, flags.batch, text);
      } else {
        const result = await this.#perform(call, request);
        const iterator = iteratorOf(result);
        if (iterator === null) this.#send(frame, kinds.result, 0, values.write(result, `the result of '${request.method}'`));
        else {
          const id = streams.add(iterator, this.id);
          // As an error too, for clients that know no streams.
          const text = values.writeError(new MillraceError('ERR_PROTOCOL', 'result of call is an iterator'));
          this.#send(frame, kinds.result, flags.stream | flags.exception, text, { STRM: new TextEncoder().encode(id) });
          if (this.#state === 'over') streams.leave(this.id);
        }
      }
    } catch (error) {
      if ((frame.flags & flags.oneway) === 0) this.#refuse(frame, error);
    } finally {
      this.#running.delete(call);
    }
    await this.#untilSent();
  }

  /** In their order, beside the calls that are answered; or each at once. */
  #oneway(request: Request): Promise<void> | null {
    const run = async (): Promise<void> => {
      const call = this.#begin();
      try {
        await this.#perform(call, request);
      } catch {
        // Nobody hears of it there.
      } finally {
        this.#running.delete(call);
        this.#onewaysLeft -= 1;
        this.#onewayRoom?.();
      }
    };
    this.#onewaysLeft += 1;
    if (this.#setup.onewayThreaded) run();
    else this.#oneways = this.#oneways.then(() => (this.#state === 'over' ? undefined : run()));
    if (this.#onewaysLeft < mostOneways) return null;
    return new Promise((resolve) => {
      this.#onewayRoom = resolve;
    });
  }

  async #perform(call: Running, request: Request): Promise<unknown> {
    const target = this.#setup.find(request.object, this);
    try {
      return await within(call, () => perform(target, request));
    } catch (error) {
      if (target.exposure.callback.has(request.method)) this.#setup.callbackFailed(error, request.method);
      throw error;
    }
  }

  #begin(): Running {
    const call = new Running(this.id, this.#ending);
    this.#running.add(call);
    return call;
  }

  #read(frame: Frame): unknown {
    if (frame.serializer !== jsonSerializer)
      throw new MillraceError(
        'ERR_NOT_CLONEABLE',
        `message used serializer that is not accepted: ${frame.serializer}; set Pyro4.config.SERIALIZER = "json"`,
      );
    if ((frame.flags & flags.keepSerialized) !== 0)
      throw new MillraceError('ERR_NOT_CLONEABLE', 'blobs that stay serialized are not taken');
    if ((frame.flags & flags.compressed) === 0) return this.#setup.values.read(frame.data);
    let bytes: Uint8Array;
    try {
      bytes = inflateWithin(frame.data, this.#state === 'greeting' ? handshakeFrame : this.#setup.largest);
    } catch (cause) {
      throw new MillraceError('ERR_PROTOCOL', 'a compressed message is malformed or too large', { cause });
    }
    return this.#setup.values.read(bytes);
  }

  #refuse(frame: Frame, error: unknown): void {
    this.#send(frame, kinds.result, flags.exception, this.#setup.values.writeError(error));
  }

  #send(request: Frame, kind: number, bits: number, text: string, annotations: Readonly<Record<string, Uint8Array>> = {}): void {
    if (this.#state === 'over') return;
    const { channel, seal, largest } = this.#setup;
    const { sequence } = request;
    const correlation = request.annotations.get('CORR');
    const all = correlation?.length === 16 ? { ...annotations, CORR: correlation } : annotations;
    channel.write(encodeFrame({ kind, flags: bits, sequence, text, annotations: all }, seal, largest));
  }

  /** Who does not read its answers gets no further ones. */
  async #untilSent(): Promise<void> {
    if (this.#state === 'over' || !isFull(this.#setup.channel)) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
    this.#drained = null;
  }

  #closed(): void {
    this.#state = 'over';
    this.#stopTimer();
    this.#drained?.();
    this.#setup.streams.leave(this.id);
    const gone = new MillraceError('ERR_CONNECTION_CLOSED', 'the caller of this method is gone');
    for (const call of this.#running) call.abort(gone);
    this.#ending.end();
    this.#setup.closed(this);
  }
}

/** As Pyro has it. */
export function metadataOf({ methods, attributes, oneway }: Target['exposure']): Record<'methods' | 'attrs' | 'oneway', string[]> {
  return { methods: [...methods], attrs: [...attributes], oneway: [...oneway] };
}

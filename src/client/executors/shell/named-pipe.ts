/**
 * One named pipe through which a command's output is read while it runs. A real pipe, so that `/dev/stdout` can be opened by the command
 * (Node gives its children sockets, which cannot), and one that a long-lived shell can open by its name.
 *
 * States. *idle*: nothing is open. *open*: this side reads, and holds a writing end too, so that the pipe has no end before its command has.
 * *ending*: the command is over; this side writes a mark that nobody could know before, and what comes before the mark is the command's.
 * Then the pipe is at its end, and *idle* again, unless somebody else holds it (a process left in the background). *left*: that one's pipe
 * is given up, a new one takes its name, and what still comes is read and dropped, since a closed pipe would kill its writer.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Clock } from '../../../base/clock.ts';
import { type Deferred, deferred } from '../../../base/deferred.ts';
import { newId } from '../../../base/ids.ts';

/** How long the end of a pipe may take after the mark, before somebody else is taken to hold it, in ms. */
const grace = 20;

const nothing = Buffer.alloc(0);

/** Takes what was read; a promise holds the reading back. */
export type Taker = (chunk: Buffer) => void | Promise<void>;

export class NamedPipe {
  readonly path: string;
  readonly #clock: Clock;
  readonly #left: Set<Socket> = new Set();
  #socket: Socket | null = null;
  #writer: number | null = null;
  #finished: Deferred<boolean> | null = null;
  /** Ends the command's output; null: the command runs. */
  #mark: Buffer | null = null;
  /** What may be the beginning of the mark. */
  #held: Buffer = nothing;
  #marked = false;
  /** Something came after the mark. */
  #foreign = false;
  #over = false;
  #taking = false;
  #cancel: () => void = () => {};
  /** Counts what happened, so that a late timer knows whether it is out of date. */
  #events = 0;

  /** `path`: a pipe that exists when it is opened. */
  constructor(path: string, clock: Clock) {
    this.path = path;
    this.#clock = clock;
  }

  /** Begin to read. Throws what opening throws: the pipe may be gone. `failed`: the taker rejected. */
  open(take: Taker, failed: (thrown: unknown) => void): void {
    const reader = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      this.#writer = openSync(this.path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      closeSync(reader);
      throw error;
    }
    const socket = new Socket({ fd: reader, readable: true, writable: false });
    this.#socket = socket;
    this.#finished = deferred<boolean>();
    this.#mark = null;
    this.#held = nothing;
    this.#marked = false;
    this.#foreign = false;
    this.#over = false;
    this.#taking = false;
    const over = (): void => {
      if (this.#socket !== socket) return;
      this.#over = true;
      this.#settle();
    };
    socket.once('end', over);
    socket.once('error', over);
    socket.on('data', (chunk: Buffer) => {
      if (this.#socket !== socket) return;
      const own = this.#mark === null ? chunk : this.#before(this.#mark, chunk);
      const taken = own.length === 0 ? undefined : take(own);
      if (taken === undefined) {
        this.#settle();
        return;
      }
      this.#taking = true;
      socket.pause();
      taken.then(() => {
        if (this.#socket !== socket) return;
        this.#taking = false;
        socket.resume();
        this.#settle();
      }, failed);
    });
  }

  /** The command is over: resolves when all that it wrote was taken. False: somebody else still holds the pipe, which needs to be made anew. */
  async finish(): Promise<boolean> {
    const { promise } = this.#finished!;
    this.#mark = Buffer.from(`\0${newId()}\n`);
    this.#settle();
    const clean = await promise;
    const socket = this.#socket;
    this.#socket = null;
    if (clean || socket === null) {
      socket?.destroy();
      return clean;
    }
    this.#left.add(socket);
    socket.once('close', () => this.#left.delete(socket));
    socket.resume();
    return false;
  }

  /** Nothing is taken any more. */
  close(): void {
    this.#cancel();
    this.#closeWriter();
    this.#finished?.resolve(true);
    this.#socket?.destroy();
    this.#socket = null;
    for (const socket of this.#left) socket.destroy();
  }

  /** The part of what came that is surely the command's. */
  #before(mark: Buffer, chunk: Buffer): Buffer {
    if (this.#marked) {
      this.#foreign = true;
      return nothing;
    }
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const at = bytes.indexOf(mark);
    if (at >= 0) {
      this.#marked = true;
      this.#foreign = at + mark.length < bytes.length;
      return bytes.subarray(0, at);
    }
    const sure = Math.max(0, bytes.length - mark.length + 1);
    this.#held = bytes.subarray(sure);
    return bytes.subarray(0, sure);
  }

  /** After everything that happened: writes the mark once the pipe takes it, and finds out whether all is read. */
  #settle(): void {
    this.#cancel();
    const event = ++this.#events;
    if (this.#mark === null) return;
    if (this.#writer !== null && written(this.#writer, this.#mark)) this.#closeWriter();
    if (this.#taking || !(this.#marked || this.#over)) return;
    if (this.#over || this.#foreign) {
      this.#finished?.resolve(this.#over);
      return;
    }
    this.#cancel = this.#clock.after(grace, () => {
      // After a long round timers come before what is there to be read.
      setImmediate(() => {
        if (this.#events === event) this.#finished?.resolve(false);
      });
    });
  }

  #closeWriter(): void {
    if (this.#writer !== null) closeSync(this.#writer);
    this.#writer = null;
  }
}

/** False: the pipe is full; there is something to be read, and then it is tried again. A mark is written as a whole or not at all. */
function written(file: number, mark: Buffer): boolean {
  try {
    writeSync(file, mark);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return false;
    throw error;
  }
}

/** Daemons of Pyro's wire in one process with their callers, and peers that say what they like. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { currentCall, PyroDaemon, type PyroDaemonOptions, PythonError, proxy, type Remote, release } from '../../../src/remote/index.ts';
import { encodeFrame, type Frame, FrameReader, kinds } from '../../../src/remote/pyro/core/frame.ts';

export class Thing {
  value: unknown = 1;
  signals: AbortSignal[] = [];
  #ended = 0;
  add(a: number, b: number): number {
    return a + b;
  }
  echo(value: unknown): unknown {
    return value;
  }
  named(options: object): object {
    return options;
  }
  get ended(): number {
    return this.#ended;
  }
  forever(): Promise<never> {
    this.signals.push(currentCall().signal);
    return new Promise(() => {});
  }
  fail(): never {
    throw new PythonError('music.MusicError', ['no', 'song'], { track: 3 });
  }
  *items(): Generator<number> {
    try {
      for (let i = 0; ; i += 1) yield i;
    } finally {
      this.#ended += 1;
    }
  }
  text(size: number): string {
    return 'x'.repeat(size);
  }
}

export async function open(options: PyroDaemonOptions = {}): Promise<{ daemon: PyroDaemon; uri: string; port: number; thing: Thing }> {
  const daemon = await PyroDaemon.new({ host: '127.0.0.1', ...options });
  onTestFinished(() => daemon.stop());
  const thing = new Thing();
  return { daemon, thing, uri: daemon.register(thing, 'thing'), port: (daemon.address as { port: number }).port };
}

export function to<T = Thing>(uri: string, options: Parameters<typeof proxy>[1] = {}): Remote<T> {
  const remote = proxy<T>(uri, { timeout: 20, ...options });
  onTestFinished(() => release(remote));
  return remote;
}

export interface Raw {
  readonly socket: Socket;
  readonly ended: () => boolean;
  readonly frames: Frame[];
  send(kind: number, text: string, bits?: number, sequence?: number): void;
}

/** A peer that says what it likes. */
export async function raw(port: number): Promise<Raw> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let ended = false;
  const reader = new FrameReader(null, 1e8);
  const frames: Frame[] = [];
  socket.on('error', () => {});
  socket.on('close', () => {
    ended = true;
  });
  socket.on('data', (bytes: Buffer) => {
    reader.push(bytes);
    for (let frame = reader.next(); frame !== null; frame = reader.next()) frames.push(frame);
  });
  await once(socket, 'connect');
  return {
    socket,
    frames,
    ended: () => ended,
    send: (kind, text, bits = 0, sequence = 1) => void socket.write(encodeFrame({ kind, flags: bits, sequence, text }, null, 1e9)),
  };
}

export const hello: string = '{"handshake":"hello","object":"thing"}';
export const call = (method: string, params = '[]', object = 'thing'): string =>
  `{"object":"${object}","method":"${method}","params":${params},"kwargs":{}}`;

/** A peer that has said hello. */
export function greeted(peer: Raw): Raw {
  peer.send(kinds.connect, hello);
  return peer;
}

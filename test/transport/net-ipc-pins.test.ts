import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { longestHeader, writeHeader } from '../../src/protocol/frame.ts';
import { BaseClient, BaseConnection, BaseServer } from '../../src/transport/net-ipc.ts';

const require = createRequire(import.meta.url);

/** What net-ipc does with the names that the hardened subclasses override. When one of these fails, look at every guard again. */
describe('the parts of net-ipc that are relied on', () => {
  test('it is exactly the version that was read', () => {
    expect(JSON.parse(readFileSync(require.resolve('net-ipc/package.json'), 'utf8')).version).toBe('2.2.2');
  });

  test('its accepted side binds readable, drain, error and close of the socket, once each, to methods that can be overridden', () => {
    const called: string[] = [];
    class Probe extends BaseConnection {
      override _init(): void {
        called.push('readable');
      }
      override _drain(): void {
        called.push('drain');
      }
      override _onerror(): void {
        called.push('error');
      }
      override _onclose(): void {
        called.push('close');
      }
    }
    const socket = new EventEmitter() as Socket;
    const probe = new Probe(socket, new BaseServer({ path: 'unused' }));
    expect(probe.connection).toBe(socket);
    expect(socket.eventNames().sort()).toEqual(['close', 'drain', 'error', 'readable']);
    for (const name of ['readable', 'drain', 'error', 'close']) socket.emit(name);
    expect(called).toEqual(['readable', 'drain', 'error', 'close']);
  });

  test('its server listens to nothing before start, which is never called', () => {
    const server = new BaseServer({ path: 'unused' });
    expect(server.server).toBeNull();
    expect(server.options.path).toBe('unused');
  });

  test('its client opens the socket with our options, writes IPC when it is ready, then calls _init, and reports errors and the end to us', async () => {
    const called: string[] = [];
    class Probe extends BaseClient {
      override _init(): void {
        called.push('init');
      }
      override _onerror(): void {
        called.push('error');
      }
      override _onclose(): void {
        called.push('close');
        this._promise?.reject(new Error('closed'));
      }
    }
    const client = new Probe({ path: 'unused', reconnect: false, options: { host: '127.0.0.1', port: 1, lookup: undefined } });
    client.options.path = undefined;
    const connected = client.connect();
    const socket = client.connection!;
    expect(socket).toBeInstanceOf(Socket);
    const written: string[] = [];
    socket.write = (chunk: unknown) => written.push(String(chunk)) > 0;
    socket.emit('ready');
    expect(written).toEqual(['IPC']);
    await expect(connected).rejects.toThrow('closed');
    expect(called).toEqual(['init', 'error', 'close']);
  });

  test('its frame header is the one that is written here', () => {
    const { _tag: tag } = require('net-ipc/src/interfaces.js') as { _tag(size: number): number[] };
    for (const size of [1, 127, 128, 300, 16_383, 16_384, 1_000_000, 16 * 1024 * 1024]) {
      const target = Buffer.alloc(longestHeader);
      expect([...target.subarray(writeHeader(target, longestHeader, size))]).toEqual(tag(size));
    }
  });

  test('its kinds of envelopes have the numbers that are used here', () => {
    const { MessageTypes } = require('net-ipc/src/constants.js') as { MessageTypes: Record<string, number> };
    expect(MessageTypes).toMatchObject({ CONNECTION: 0, MESSAGE: 1, END: 6 });
  });
});

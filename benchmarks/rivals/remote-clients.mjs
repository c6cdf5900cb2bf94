/** How each contestant of the benchmark of remote objects is called: `open()` starts its far side and gives what calls it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** A far side in a process of its own: what it says first, and its end. */
async function farSide(kind) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./remote-server.mjs', import.meta.url)), kind], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface({ input: child.stdout }), 'line');
  return {
    place: line,
    async stop() {
      child.kill();
      await once(child, 'close');
    },
  };
}

export async function millrace() {
  const { batch, control, proxy } = await import('../../dist/remote/index.js');
  const { place, stop } = await farSide('millrace');
  const remote = proxy(place, { auth: 'a key of the benchmark' });
  await control(remote).bind();
  return {
    remote,
    batch,
    place,
    add: (a, b) => remote.add(a, b),
    async close() {
      control(remote).release();
      await stop();
    },
  };
}

/** A bare socket that gets back what it sends. */
export async function tcp() {
  const { place, stop } = await farSide('tcp');
  const socket = connect({ port: Number(place), host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const ping = Buffer.from('a message of as many bytes');
  let back;
  socket.on('data', () => back());
  return {
    add: () =>
      new Promise((resolve) => {
        back = resolve;
        socket.write(ping);
      }),
    async close() {
      socket.destroy();
      await stop();
    },
  };
}

export async function capnweb() {
  const [{ default: WebSocket }, { newWebSocketRpcSession }] = await Promise.all([import('ws'), import('capnweb')]);
  globalThis.WebSocket ??= WebSocket;
  const { place, stop } = await farSide('capnweb');
  const socket = new WebSocket(`ws://127.0.0.1:${place}`, { maxPayload: 64 * 2 ** 20 });
  await once(socket, 'open');
  const remote = newWebSocketRpcSession(socket);
  return {
    remote,
    add: (a, b) => remote.add(a, b),
    async close() {
      remote[Symbol.dispose]?.();
      socket.terminate();
      await stop();
    },
  };
}

export async function grpc() {
  const library = (await import('@grpc/grpc-js')).default;
  const { service } = await import('./remote-grpc.mjs');
  const { place, stop } = await farSide('grpc');
  const Client = library.makeGenericClientConstructor(service, 'Calculator');
  const client = new Client(`127.0.0.1:${place}`, library.credentials.createInsecure());
  const call = (name, request) =>
    new Promise((resolve, reject) => {
      client[name](request, (error, value) => (error === null ? resolve(value) : reject(error)));
    });
  return {
    add: (a, b) => call('add', [a, b]),
    size: (bytes) => call('size', bytes),
    async close() {
      client.close();
      await stop();
    },
  };
}

export async function comlink() {
  const [Comlink, { default: nodeEndpoint }] = await Promise.all([import('comlink'), import('comlink/dist/esm/node-adapter.mjs')]);
  const worker = new Worker(new URL('./comlink-worker.mjs', import.meta.url));
  const remote = Comlink.wrap(nodeEndpoint(worker));
  return {
    remote,
    add: (a, b) => remote.add(a, b),
    async close() {
      await worker.terminate();
    },
  };
}

/** Pyro4 calls Pyro4: both sides in Python, which says when the calls begin and end. */
export const pyro = (kind) => ({
  needs: ['pyro4'],
  async run(calls, clock) {
    const child = spawn('/usr/bin/python3', [fileURLToPath(new URL('./pyro.py', import.meta.url)), kind, String(calls)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'begin') clock.begin();
      else if (line === 'end') clock.end();
    }
    const [status] = await closed;
    if (status !== 0) throw new Error(`python3 ended with ${status}`);
  },
});

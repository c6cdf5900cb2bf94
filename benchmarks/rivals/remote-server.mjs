/** The far side of the benchmark of remote objects: the same object in a process of its own, as each contestant offers it. `node remote-server.mjs KIND` */
import { createServer } from 'node:net';

const calculator = {
  add: (a, b) => a + b,
  note() {},
  size: (bytes) => bytes.length,
  make: (n) => Buffer.alloc(n, 7),
  *count(n) {
    for (let i = 0; i < n; i++) yield i;
  },
};

const kinds = {
  async millrace() {
    const { Daemon } = await import('../../dist/remote/index.js');
    const daemon = await Daemon.new({ address: '127.0.0.1:0', auth: 'a key of the benchmark' });
    return daemon.register(calculator, 'calculator', { oneway: ['note'] });
  },
  async tcp() {
    const server = createServer({ noDelay: true }, (socket) => socket.on('error', () => {}).on('data', (data) => socket.write(data)));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return String(server.address().port);
  },
  async capnweb() {
    const [{ default: WebSocket, WebSocketServer }, { newWebSocketRpcSession, RpcTarget }] = await Promise.all([
      import('ws'),
      import('capnweb'),
    ]);
    // It reads a number of the global one, which Node has from 22 on.
    globalThis.WebSocket ??= WebSocket;
    class Calculator extends RpcTarget {
      add(a, b) {
        return a + b;
      }
      size(bytes) {
        return bytes.length;
      }
      make(n) {
        return new Uint8Array(n).fill(7);
      }
    }
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 64 * 2 ** 20 });
    server.on('connection', (socket) => newWebSocketRpcSession(socket, new Calculator()));
    await new Promise((resolve) => server.once('listening', resolve));
    return String(server.address().port);
  },
  async grpc() {
    const grpc = (await import('@grpc/grpc-js')).default;
    const { service } = await import('./remote-grpc.mjs');
    const server = new grpc.Server({ 'grpc.max_receive_message_length': 64 * 2 ** 20 });
    server.addService(service, {
      add: ({ request: [a, b] }, answer) => answer(null, a + b),
      size: ({ request }, answer) => answer(null, request.length),
    });
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) =>
        error === null ? resolve(String(port)) : reject(error),
      );
    });
  },
};

console.log(await kinds[process.argv[2]]());
// Its parent is gone.
process.stdin.on('end', () => process.exit()).resume();

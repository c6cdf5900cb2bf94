/** The threads of `floor.mjs`: each does one bare step of what a task passes through, and nothing else. */
import { createServer } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { openTable } from './floor-store.mjs';

const now = () => Number(process.hrtime.bigint() / 1_000n) / 1_000;

const roles = {
  /** Tells by the machine's clock when a message came. */
  port() {
    parentPort.on('message', ({ port }) => port?.on('message', () => parentPort.postMessage(now())));
  },
  /** Listens; what comes is passed to the next thread by its port, or told. */
  receiver({ next }) {
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on('data', () => (next === undefined ? parentPort.postMessage(now()) : next.postMessage('run')));
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
  },
  /** Listens; what comes is written to a file and then passed on to the thread that has dialled first. */
  recorder({ folder }) {
    const commit = openTable(folder);
    let client = null;
    const server = createServer({ noDelay: true }, (socket) => {
      if (client === null) {
        client = socket;
        return;
      }
      socket.on('data', () => {
        // As a server that takes in all that a round of the event loop brings.
        setImmediate(() => {
          commit();
          client.write('run');
        });
      });
    });
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
  },
  /** Dials; what comes goes to the next thread. */
  async client({ port, next }) {
    const { connect } = await import('node:net');
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => parentPort.postMessage('connected'));
    socket.on('data', () => next.postMessage('run'));
  },
  /** Calls of nothing, and their ends. */
  calls() {
    parentPort.on('message', (calls) => {
      const ends = [];
      for (let i = 0; i < calls.length; i += 4) ends.push([i / 4, Date.now(), performance.now(), null, null]);
      parentPort.postMessage(ends);
    });
  },
  nothing() {
    parentPort.on('message', () => {});
  },
};

await roles[workerData.role](workerData);

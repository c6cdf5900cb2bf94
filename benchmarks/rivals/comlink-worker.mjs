/** The object of the benchmark of remote objects, in a thread, by Comlink. */
import { parentPort } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';

Comlink.expose({ add: (a, b) => a + b, size: (bytes) => bytes.length }, nodeEndpoint(parentPort));

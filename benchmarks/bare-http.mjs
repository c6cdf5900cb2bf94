/** What Node's own HTTP takes, in a thread of its own: every request gets the same answer, of the size of a page of tasks. For `gateway-beside.mjs`. */
import { createServer } from 'node:http';
import { parentPort } from 'node:worker_threads';

const body = JSON.stringify(
  Array.from({ length: 10 }, (_, i) => ({ id: i, args: 'true', state: 'ready', tags: { site: 'north', sample: i } })),
);
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));

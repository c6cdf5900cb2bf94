// @ts-check
/**
 * A port of loopback that nobody listens on. It is none of those that systems give away by themselves (Linux from 32,768, others from 49,152): whoever
 * connects somewhere, or listens on any port, does not take it before it is used.
 */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** @returns {Promise<number>} */
export async function freePort() {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    const listens = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!listens) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

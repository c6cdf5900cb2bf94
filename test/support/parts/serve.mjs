/**
 * A server in a process of its own: it tells its address, what it found, who comes and goes, whose leases end, whether commits fail, and at the end its
 * summary or the error that ended it. At the word `stop` it lets run what runs, at `end` it ends at once and tells how long that took.
 */
import { ServerThread } from '../../../dist/index.js';
import { logger, obey, options, say } from './speech.mjs';

let ending = null;

try {
  const server = await ServerThread.new({ ...options, logger });
  obey({
    stop: () => server.stop({ drain: true, timeout: 20 }),
    end: () => {
      ending = performance.now();
      server.stop();
    },
  });
  server.on('recovered', (recovered) => say({ recovered }));
  server.on('evicted', (tasks) => say({ evicted: tasks.map(({ id, attempt, clientId }) => [id, attempt, clientId]) }));
  server.on('clientLeft', ({ id }) => say({ left: id }));
  server.on('stalled', (stalled) => say({ stalled }));
  say({ address: server.address });
  say({ summary: await server.join() });
} catch (error) {
  const { code = 'none', message, details } = error;
  say({ code, message, details, ...(ending === null ? {} : { ms: performance.now() - ending }) });
}

/** Pyro4 itself, its daemon and its client, each in a process of its own: `/usr/bin/python3`, for which Debian's packages are. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const pyro4 = { needs: ['pyro4'] };

const path = fileURLToPath(new URL('./pyro4.py', import.meta.url));

function start(role) {
  const child = spawn('/usr/bin/python3', ['-B', path, role], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const stop = async () => {
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end();
    await ended;
  };
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the ${role} of Pyro4 has ended`);
    return value;
  };
  return { child, next, stop };
}

/** Its object with `add(a, b)` and `count(to)`. */
export async function pyroServer() {
  const { next, stop } = start('server');
  return { uri: await next(), stop };
}

/** `rate(uri, work, count)`: calls a second of `serial`, `batch` (of 1,000) or `stream`. */
export function pyroClient() {
  const { child, next, stop } = start('client');
  const rate = async (uri, work, count) => {
    child.stdin.write(`${JSON.stringify([uri, work, count])}\n`);
    return JSON.parse(await next());
  };
  return { rate, stop };
}

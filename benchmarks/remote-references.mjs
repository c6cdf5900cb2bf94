/**
 * Does one session of remote objects grow? A daemon in a process of its own; 1,000,000 calls (`CALLS`), each with a callback of its own that is called back, and a
 * result by reference that is called and released. The heap of both sides, after a collection, at a tenth and at the end; references that are left.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { quick, round, show, showBars } from './harness.mjs';

const calls = Number(process.env.CALLS ?? (quick ? 50_000 : 1_000_000));
const auth = 'a key of the benchmark';
const { byReference, control, Daemon, proxy, release } = await import('../dist/remote/index.js');

class Cart {
  constructor(n) {
    this.n = n;
    byReference(this);
  }
  value() {
    return this.n;
  }
}

const heap = async () => {
  for (let i = 0; i < 4; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return process.memoryUsage().heapUsed;
};

if (process.argv[2] === 'serve') {
  const daemon = await Daemon.new({ address: '127.0.0.1:0', auth });
  const object = {
    async open(n, call) {
      const answer = await call(n);
      release(call);
      return new Cart(answer);
    },
    heap,
    references: () => daemon.references,
  };
  console.log(daemon.register(object, 'object', { expose: ['open', 'heap', 'references'] }));
  process.stdin.on('end', () => process.exit()).resume();
} else {
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), 'serve'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [uri] = await once(createInterface({ input: child.stdout }), 'line');
  if (globalThis.gc === undefined) (await import('node:v8')).setFlagsFromString('--expose-gc');
  globalThis.gc ??= (await import('node:vm')).runInNewContext('gc');
  const remote = proxy(uri, { auth });
  let next = 0;
  const one = async (last) => {
    while (next < last) {
      const n = next++;
      const cart = await remote.open(n, async (given) => given + 1);
      if ((await cart.value()) !== n + 1) throw new Error(`cart ${n} has another value`);
      release(cart);
    }
  };
  const stretch = (last) => Promise.all(Array.from({ length: 100 }, () => one(last)));
  const began = performance.now();
  await stretch(calls / 10);
  const before = { caller: await heap(), daemon: await remote.heap() };
  await stretch(calls);
  const ms = performance.now() - began;
  const after = { caller: await heap(), daemon: await remote.heap() };
  const left = await remote.references();
  control(remote).release();
  child.kill();
  const mb = (bytes) => round(bytes / 1e6, 1);
  const rows = ['caller', 'daemon'].map((side) => ({ side, calls, 'MB at a tenth': mb(before[side]), 'MB at the end': mb(after[side]) }));
  show(
    'remote-references',
    rows.map((row) => ({ case: `a session, the ${row.side}`, ...row, 'calls/s': Math.round((calls / ms) * 1_000) })),
  );
  showBars('remote-references', [
    ...rows.map((row) => ({
      what: `growth of the ${row.side} over nine tenths, MB`,
      value: row['MB at the end'] - row['MB at a tenth'],
      most: 2,
    })),
    { what: 'references left at the daemon', value: left.given + left.got, most: 0 },
  ]);
}

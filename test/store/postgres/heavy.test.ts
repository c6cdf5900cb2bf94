/** Commits with more output and input than a statement should hold: all of it is stored, in one transaction, and does not grow on its way. */
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../../src/store/open.ts';
import { storedState, type TaskStore, type Writes } from '../../../src/store/store.ts';
import type { WireTask } from '../../../src/task/task.ts';
import { TcpProxy } from '../../support/tcp-proxy.mjs';
import { attemptEnd, storedTask, writes } from '../samples.ts';
import { usePostgres } from './database.ts';

const postgres = usePostgres();

const size = 2 ** 20;
const many = 18;

/** No two alike, and every byte among them. */
function bytes(seed: number): Uint8Array {
  const pattern = Uint8Array.from({ length: 256 }, (_, i) => (i + seed) % 256);
  return new Uint8Array(Buffer.alloc(size, pattern));
}

async function opened(url: string): Promise<TaskStore> {
  const store = await openStore(url);
  onTestFinished(() => store.close());
  await store.recover();
  return store;
}

const end = (n: number, seed = n): ReturnType<typeof attemptEnd> =>
  attemptEnd(n, { extra: { command: 'c', stdout: bytes(seed), stderr: `text of ${seed} "\\ \0`, value: '[1]' } });

function heavy(): Writes {
  const reopened = { n: 2, group: 0, rank: 0, state: storedState.ready, attempts: 1, losses: 0, readyAt: null, forget: false };
  return writes({
    tasks: Array.from({ length: 4 }, (_, i) => storedTask(100 + i, { task: [0, 'cat', bytes(i), null] })),
    attempts: [end(3, 300)],
    ends: [...Array.from({ length: many }, (_, i) => end(i + 1)), attemptEnd(50), end(60)],
    reopened: [reopened],
  });
}

async function expectHeavy(store: TaskStore): Promise<void> {
  const rows = await store.find({});
  const stdout = new Map(rows.map(({ n, end }) => [n, end?.extra?.stdout]));
  expect(rows).toHaveLength(64);
  for (let n = 1; n <= many; n++) if (n !== 2) expect(Buffer.compare(stdout.get(n) as Uint8Array, bytes(n))).toBe(0);
  expect(rows.find(({ n }) => n === 5)?.end?.extra).toMatchObject({ command: 'c', stderr: 'text of 5 "\\ \0', value: '[1]' });
  // Queued again in the same commit: its end is history. Of an attempt before it as well; what was done before is as it was.
  expect(stdout.get(2)).toBeUndefined();
  expect(Buffer.compare((await store.history(2))[0]!.extra!.stdout as Uint8Array, bytes(2))).toBe(0);
  expect((await store.history(3)).map(({ extra }) => Buffer.compare(extra!.stdout as Uint8Array, bytes(300)))).toEqual([0, -1]);
  expect([rows.find(({ n }) => n === 50)?.end?.extra, stdout.get(60)]).toEqual([null, 'first']);
  const inputs = rows.filter(({ n }) => n >= 100).map(({ task }: { task: WireTask }) => task[2] as Uint8Array);
  expect(inputs.map((input, i) => Buffer.compare(input, bytes(i)))).toEqual([0, 0, 0, 0]);
}

test('a commit of many megabytes is stored whole, and its bytes travel as they are', async () => {
  const proxy = await TcpProxy.open(postgres.server.port);
  onTestFinished(() => proxy.close());
  const url = postgres.schema();
  const store = await opened(url.replace(/:\d+\//, `:${proxy.address[1]}/`));
  await store.commit(writes({ tasks: Array.from({ length: 60 }, (_, i) => storedTask(i + 1)) }));
  await store.commit(writes({ ends: [attemptEnd(60, { attempt: 7, extra: { stdout: 'first' } })] }));
  const batch = heavy();
  const attempt = (): Promise<unknown> => Promise.resolve(store.commit(batch)).catch((error: unknown) => error);
  // In the middle of the transaction: twice, since the first of them may find a connection that is gone already.
  proxy.cutAfter = () => 8 * size;
  proxy.cut();
  for (let i = 0; i < 2; i++) expect(await attempt()).toMatchObject({ code: 'ERR_DATABASE', details: { lasting: false } });
  // As lists, each byte would be two characters, which is more than this connection takes.
  proxy.cutAfter = () => 1.5 * (many + 6) * size;
  let made: unknown = null;
  for (let i = 0; i < 3 && made !== undefined; i++) made = await attempt();
  expect(made).toBeUndefined();
  proxy.cutAfter = null;
  proxy.cut();
  await expectHeavy(store);
  await store.close();
  await expectHeavy(await opened(url));
}, 60_000);

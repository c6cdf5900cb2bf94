import { inspect } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { ClientPool, HTTPError, type HttpPoolOptions, Response, TokenIdentifier } from '../../src/http/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { Answer, type Served, serve } from './servers.ts';

expectNoLeaks();

const authenticator = new TokenIdentifier('de72457df438272d8d05a0823289084811813c07');

function open(options?: HttpPoolOptions): ClientPool {
  const pool = new ClientPool(authenticator, options);
  onTestFinished(() => pool.close());
  return pool;
}

/** A server whose answers wait for the test. */
async function held(): Promise<{ server: Served; running: (() => void)[]; ends: Map<string, () => void>; most: () => number }> {
  const running: (() => void)[] = [];
  const ends = new Map<string, () => void>();
  let now = 0;
  let most = 0;
  const server = await serve(({ path }) => {
    now += 1;
    most = Math.max(most, now);
    return new Promise((resolve) => {
      const end = (): void => {
        now -= 1;
        resolve(path);
      };
      running.push(end);
      ends.set(path, end);
    });
  });
  return { server, running, ends, most: () => most };
}

it('a request of a pool is waited for', async () => {
  const server = await serve(() => ['/abc']);
  const pool = open();
  pool.request(server.host, 'GET', '/');
  expect(inspect(await pool.wait())).toBe('[ <Response 200 OK> ]');
});

it('the first example of the page: two resources are created at the same time, and looked at in order', async () => {
  const allocator = await serve(() => new Answer(204));
  const storage = await serve(() => new Answer(204));
  const createResource = async (): Promise<string> => {
    const pool = open();
    pool.request(allocator.host, 'POST', '/vm-ip/', { size: 1 });
    pool.request(storage.host, 'POST', '/storage/', { size: 10 ** 9 });
    // wait until the filer and ip are ready
    const [ip, filer] = await pool.wait();
    if (ip?.status !== 204) throw new Error('Cannot get IP');
    if (filer?.status !== 204) throw new Error('Cannot get storage');
    return 'created';
  };
  expect(await createResource()).toBe('created');
  expect([allocator, storage].map(({ heard }) => `${heard[0]?.method} ${heard[0]?.path} ${heard[0]?.body}`)).toEqual([
    'POST /vm-ip/ {"size":1}',
    'POST /storage/ {"size":1000000000}',
  ]);
  const full = await serve(() => new Answer(507));
  const pool = open();
  pool.request(full.host, 'POST', '/vm-ip/', { size: 1 });
  const [ip] = await pool.wait();
  expect(ip).toBeInstanceOf(HTTPError);
  expect(ip?.status).toBe(507);
});

it('the second example of the page: the first server that fits is taken, as they answer, and failures are passed over', async () => {
  const slow = await held();
  const broken = await serve(() => {
    throw new Error('no capacity known');
  });
  const small = await serve(() => ({ size: 5 }));
  const large = await serve(() => ({ size: 500 }));
  const createResource = async (servers: readonly string[]): Promise<string> => {
    const pool = open();
    for (const server of servers) pool.request(server, 'GET', '/capacity/capacity');
    for await (const response of pool.waitUnordered({ timeout: 10 })) {
      if (!(response instanceof Response) || response.status !== 200) continue;
      if ((response.body as { size: number }).size < 100) continue;
      return response.request.host;
    }
    throw new Error('No server available');
  };
  expect(await createResource([slow.server.host, broken.host, small.host, large.host])).toBe(large.host);
  await expect(createResource([broken.host, small.host])).rejects.toThrow('No server available');
  for (const end of slow.running) end();
});

it('requests start at once, at most two at a time on one host, and hosts do not wait for each other', async () => {
  const [a, b] = [await held(), await held()];
  const pool = open();
  for (let n = 0; n < 5; n += 1) pool.request(a.server.host, 'GET', `/${n}`);
  pool.request(b.server.host, 'GET', '/b');
  await until(() => a.running.length === 2 && b.running.length === 1);
  b.running[0]?.();
  for (let ended = 0; ended < 5; ended += 1) {
    await until(() => a.running.length > ended);
    a.running[ended]?.();
  }
  const outcomes = await pool.wait();
  expect(outcomes.map((outcome) => outcome instanceof Response && outcome.body)).toEqual(['/0', '/1', '/2', '/3', '/4', '/b']);
  expect(a.most()).toBe(2);
  expect(a.server.connections).toBeLessThanOrEqual(2);
});

it('as many run at a time as the pool is told, over the same connections, however the host is written', async () => {
  const { server, running, most } = await held();
  const pool = open({ simultaneous: 3 });
  for (const host of [server.host, server.url, new URL(server.url), ['127.0.0.1', server.port] as const]) pool.request(host, 'GET', '/');
  await until(() => running.length === 3);
  running[0]?.();
  await until(() => running.length === 4);
  for (const end of running) end();
  await pool.wait();
  expect([most(), server.connections]).toEqual([3, 3]);
});

it('results come in the order of the requests, failures as errors in their places; a second wait gives none of them', async () => {
  const server = await serve(({ path }) => (path === '/1' ? new Answer(404, 'none') : path));
  const pool = open();
  for (const path of ['/0', '/1', '/2']) pool.request(server.host, 'GET', path);
  pool.request('127.0.0.1:1', 'GET', '/');
  const outcomes = await pool.wait();
  expect(outcomes.map(({ status, request }) => `${status} ${request.path}`)).toEqual(['200 /0', '404 /1', '200 /2', '0 /']);
  expect(await pool.wait()).toEqual([]);
  for await (const more of pool.waitUnordered()) expect.fail(String(more));
});

it('a handle gives the answer of its request, or throws its error, and need not be looked at', async () => {
  const server = await serve(({ path }) => (path === '/1' ? new Answer(404) : path));
  const pool = open();
  expect(await pool.request(server.host, 'GET', '/0').answer()).toMatchObject({ body: '/0' });
  const failed = pool.request(server.host, 'GET', '/1');
  await expect(failed.answer()).rejects.toMatchObject({ status: 404 });
  expect(await failed.settled).toBeInstanceOf(HTTPError);
});

it('the iteration of a pool gives each outcome as soon as all before it are there', async () => {
  const { server, running } = await held();
  const pool = open();
  for (const path of ['/0', '/1']) pool.request(server.host, 'GET', path);
  await until(() => running.length === 2);
  const outcomes = pool[Symbol.asyncIterator]();
  const first = outcomes.next();
  running[0]?.();
  running[1]?.();
  expect([(await first).value, (await outcomes.next()).value, await outcomes.next()]).toMatchObject([
    { status: 200 },
    { status: 200 },
    { done: true },
  ]);
});

it('results come as they end, at most as many as asked for', async () => {
  const { server, running, ends } = await held();
  const pool = open({ simultaneous: 4 });
  for (const path of ['/0', '/1', '/2', '/3']) pool.request(server.host, 'GET', path);
  await until(() => running.length === 4);
  const outcomes = pool.waitUnordered();
  for (const path of ['/2', '/0', '/3', '/1']) {
    ends.get(path)?.();
    expect((await outcomes.next()).value).toMatchObject({ status: 200, body: path });
  }
  expect(await outcomes.next()).toMatchObject({ done: true });
  for (const path of ['/4', '/5', '/6']) pool.request(server.host, 'GET', path);
  await until(() => running.length === 7);
  for (const path of ['/6', '/5']) ends.get(path)?.();
  const given = new Set<string>();
  for await (const { request } of pool.waitUnordered({ count: 2 })) given.add(request.path);
  expect(given).toEqual(new Set(['/6', '/5']));
  ends.get('/4')?.();
});

it('when its time is up the iteration throws, and what it gave stays given', async () => {
  const { server, running } = await held();
  const pool = open();
  const requests = ['/0', '/1'].map((path) => pool.request(server.host, 'GET', path));
  await until(() => running.length === 2);
  running[1]?.();
  await Promise.race(requests.map(({ settled }) => settled));
  const bodies: unknown[] = [];
  const iterate = async (): Promise<void> => {
    for await (const outcome of pool.waitUnordered({ timeout: '100ms' })) bodies.push(outcome instanceof Response && outcome.body);
  };
  await expect(iterate()).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
  expect(bodies).toHaveLength(1);
  running[0]?.();
});

it('a signal ends the requests of a pool, one request, or a wait: those that run and those that wait for their turn', async () => {
  const { server, running } = await held();
  const controller = new AbortController();
  const pool = open({ signal: controller.signal, simultaneous: 1 });
  for (let n = 0; n < 3; n += 1) pool.request(server.host, 'GET', `/${n}`);
  const one = pool.request(server.host, 'GET', '/one');
  await until(() => running.length === 1);
  one.abort();
  await expect(one.answer()).rejects.toMatchObject({ code: 'ERR_ABORTED' });
  const waiting = pool.wait();
  controller.abort();
  expect((await waiting).map((outcome) => outcome instanceof HTTPError && outcome.code)).toEqual(Array(4).fill('ERR_ABORTED'));
  expect(server.heard).toHaveLength(1);
  running[0]?.();
});

it('what cannot be sent is told by request(), not by wait()', async () => {
  const pool = open();
  expect(() => pool.request('a b', 'GET', '/')).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS' }));
  expect(() => pool.request('localhost', 'GET', 'x')).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  expect(() => pool.request('localhost', 'GET', '/', undefined, { retry: 1 } as object)).toThrow(
    expect.objectContaining({ code: 'ERR_UNKNOWN_OPTION' }),
  );
  expect(() => pool.waitUnordered({ count: -1 })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  expect(() => new ClientPool(null, { simultaneus: 1 } as HttpPoolOptions)).toThrow(/Did you mean 'simultaneous'/);
  expect(() => new ClientPool(null, { simultaneous: 0 })).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  expect(await pool.wait()).toEqual([]);
  await pool.close();
  expect(() => pool.request('localhost', 'GET', '/')).toThrow(expect.objectContaining({ code: 'ERR_ENDED' }));
});

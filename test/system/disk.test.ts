/**
 * What a full or a broken disk does to a run, through real threads. Without root a disk is full for one process when its files may not grow
 * (`ulimit -f`); a real one that is full, and has room again, is filled by the chaos runs.
 */
import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { connect, openTasks, type Progress, type Recovered, type ServerOptions, type Summary, submitFrom } from '../../dist/index.js';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { collect, type Program, startClient, startServer, startServerProgram } from './rig.ts';

expectNoLeaks();

interface Told {
  address?: unknown;
  recovered?: Recovered;
  stalled?: { code: string; message: string } | null;
  summary?: Summary;
  code?: string;
  details?: { unrecorded?: { tasks: number; results: number }; summary?: Summary };
  ms?: number;
}

/** A server whose files cannot grow beyond so many bytes, and what it tells. */
async function serveWithin(bytes: number | null, options: ServerOptions): Promise<Program & { readonly told: readonly Told[] }> {
  const limit = bytes === null ? '' : `ulimit -f ${Math.floor(bytes / 512)};`;
  const program = await startServerProgram(options, ['/bin/sh', '-c', `${limit} exec "$0" "$@"`]);
  return { ...program, told: program.lines as Told[] };
}

/** The progress of a run that nothing can be recorded of, for a while. */
async function unchanged(ask: () => Promise<Progress>): Promise<Progress> {
  let last: Progress | null = null;
  let times = 0;
  await until(
    async () => {
      const progress = await ask();
      times = progress.stalled !== undefined && progress.succeeded === last?.succeeded ? times + 1 : 0;
      last = progress;
      return times > 150;
    },
    'a stall that lasts',
    40_000,
  );
  return last!;
}

const lastStall = (told: readonly Told[]): Told['stalled'] => told.findLast((line) => line.stalled !== undefined)?.stalled;

it('a full disk holds the run and says so; a stop then ends in time with what was not recorded; the next server loses nothing and runs nothing again', async () => {
  const folder = temporaryFolder();
  const [database, runs] = [join(folder, 'tasks.db'), join(folder, 'runs')];
  const address = { host: 'localhost', port: await freePort() };
  const port = await freePort();
  const http = { address: { host: '127.0.0.1', port }, auth: { token: 'a token for the face'.replaceAll(' ', '-') } };
  const options: ServerOptions & { auth: string } = { address, database, foreverMode: true, auth: 'a key for the disk', http };
  const readiness = async (): Promise<number> =>
    (await fetch(`http://127.0.0.1:${port}/readyz`, { headers: { connection: 'close' } })).status;
  const full = await serveWithin(700_000, options);
  const server = await connect(address, { auth: options.auth });
  const count = 80;
  const { ids } = await server.submit(Array.from({ length: count }, (_, i) => `echo ${i} >> ${runs}; head -c 20000 /dev/zero`));
  // Before anything runs: the outputs may have filled the disk by the time of the answer.
  expect(await readiness()).toBe(200);
  const client = await startClient({ address } as never, { auth: options.auth, numTasks: 4, reconnectTimeout: 60 });
  // At first only the log is full, for a moment; then the file is.
  await unchanged(() => server.progress());
  expect(lastStall(full.told)).toMatchObject({ code: 'ERR_DATABASE', message: expect.stringContaining(database) });

  const held: Progress = await server.progress();
  expect(await readiness()).toBe(503);
  expect(held).toMatchObject({ submitted: count, failed: 0, lost: 0, stalled: lastStall(full.told) });
  expect(held.succeeded).toBeLessThan(count);
  expect((await server.tasks.explain(ids!.at(-1)!)).reasons[0]).toMatch(/can record nothing, so it accepts and grants nothing/);
  let settled = false;
  const submission = server.submit(['echo late']).then(
    () => 'accepted',
    () => 'refused',
  );
  void submission.then(() => {
    settled = true;
  });
  expect((await unchanged(() => server.progress())).succeeded).toBe(held.succeeded);
  expect([settled, client.state]).toEqual([false, 'connected']);

  full.tell('end');
  await full.exit;
  const end = full.told.at(-1)!;
  expect(end).toMatchObject({ code: 'ERR_DATABASE', details: { summary: { submitted: count, succeeded: held.succeeded } } });
  expect(end.details?.unrecorded?.results).toBeGreaterThan(0);
  expect(end.ms).toBeLessThan(6_000);
  expect(await submission).toBe('refused');
  await server.close();

  const roomy = await serveWithin(null, options);
  await until(() => roomy.told.some((line) => line.recovered !== undefined), 'the next server');
  const found = roomy.told.find((line) => line.recovered !== undefined)?.recovered;
  expect(found).toMatchObject({ epoch: 2, endedCleanly: false, ended: held.succeeded, leased: [{ clientId: client.id }] });
  expect(found!.ready + found!.waiting + found!.leased[0]!.tasks).toBe(count - held.succeeded);
  const again = await connect(address, { auth: options.auth });
  await until(async () => (await again.progress()).pending === 0, 'the end of all tasks');
  expect(await again.progress()).not.toHaveProperty('stalled');
  await again.close();
  await client.stop();
  expect(
    readFileSync(runs, 'utf8')
      .trim()
      .split('\n')
      .map(Number)
      .sort((a, b) => a - b),
  ).toEqual(Array.from({ length: count }, (_, i) => i));
  roomy.tell('end');
  await roomy.exit;
  const tasks = await openTasks(database);
  const ended = await collect(tasks.find({ outcome: 'succeeded' }));
  await tasks.close();
  expect(ended.map(({ stdout }) => stdout?.length)).toEqual(Array.from({ length: count }, () => 20_000));
});

it('a disk that is full for a moment holds the run for that moment', async () => {
  const folder = temporaryFolder();
  const server = await serveWithin(1_000_000, { address: ['localhost', 0], database: join(folder, 'tasks.db'), foreverMode: true });
  const control = await connect(server.last('address') as { host: string; port: number }, {});
  const { submitted } = await control.submit(Array.from({ length: 500 }, (_, i) => `echo ${i}`));
  // The log is full long before the file is: what is in it is moved there, and the commit goes in.
  let round = 0;
  await until(async () => {
    expect(await control.tasks.update({}, { tags: { round: ++round } })).toBe(submitted);
    return server.told.some((line) => line.stalled === null);
  }, 'a stall that passes');
  expect(server.told.flatMap(({ stalled }) => (stalled === undefined ? [] : [stalled?.code ?? null])).slice(0, 2)).toEqual([
    'ERR_DATABASE',
    null,
  ]);
  expect(await control.progress()).not.toHaveProperty('stalled');
  expect(await control.tasks.count({ tags: { round } })).toBe(submitted);
  await control.close();
});

it('a page that cannot be read in the middle of a run ends the server with that error at join(), at once', async () => {
  const database = join(temporaryFolder(), 'tasks.db');
  await submitFrom(
    Array.from({ length: 40_000 }, (_, i) => `echo ${i} of a line that is long enough to fill pages`),
    { database, bundlesize: 5_000 },
  );
  const lines: [object, string][] = [];
  const log = (details: object, message: string): void => void lines.push([details, message]);
  const server = await startServer({ database, foreverMode: true, logger: { debug: log, info: log, warn: log, error: log } });
  expect(server.recovered).toMatchObject({ ready: 40_000, endedCleanly: true, leased: [] });
  expect(lines).toContainEqual([
    expect.objectContaining({ ready: 40_000, leased: 0, epoch: 2, endedCleanly: true }),
    'the database holds what an earlier server left',
  ]);
  const size = statSync(database).size;
  const file = openSync(database, 'r+');
  writeSync(file, new Uint8Array(Math.floor(size * 0.4)).fill(0xff), 0, undefined, Math.floor((size * 0.55) / 4_096) * 4_096);
  closeSync(file);
  const cancelled = server.cancel({ limit: 30_000 }).catch((error: { code: string }) => error.code);
  await expect(server.join(20)).rejects.toMatchObject({
    code: 'ERR_DATABASE',
    message: expect.stringMatching(/damaged.*restore a backup/),
  });
  expect(String(await cancelled)).toMatch(/^(ERR_|\d)/);
});

/** What cannot work is refused at once, each with its own code and a message that says what to do; what was accepted before stays. */
import { chmodSync, createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import {
  type ClientOptions,
  ClientThread,
  connect,
  MillraceError,
  openTasks,
  runClient,
  runLocal,
  type ServerOptions,
  ServerThread,
  type Source,
  SubmitThread,
  serveFile,
  serveForever,
  serveFrom,
  submitFile,
  submitFrom,
} from '../../dist/index.js';
import { freePort } from '../support/free-port.mjs';
import { expectNoLeaks } from '../support/leaks.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { codeOf, failureOf, startPair, startServer } from './rig.ts';

vi.setConfig({ testTimeout: 30_000 });
expectNoLeaks();

/** Refused with this code, in this way, at once: not when its connectTimeout of 30 s is over. */
async function expectRefusal(call: () => Promise<unknown>, code: string, message: RegExp = /./): Promise<void> {
  const { error, ms } = await failureOf(call);
  expect(error).toBeInstanceOf(MillraceError);
  expect({ code: error.code, text: error.message }).toEqual({ code, text: expect.stringMatching(message) });
  expect(ms).toBeLessThan(10_000);
}

const free = { address: 'localhost:0' as const };

it('a port in use', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  await expectRefusal(() => ServerThread.new({ address: ['127.0.0.1', port] }), 'ERR_ADDRESS_IN_USE', new RegExp(`${port}`));
  const server = await startServer();
  await expectRefusal(() => serveFrom(['true'], { address: server.address }), 'ERR_ADDRESS_IN_USE');
});

it('a bad address', async () => {
  for (const address of ['localhost', 'localhost:99999', ':', ['localhost', -1], ['localhost', 1.5], { path: '' }, 5, null] as never[]) {
    await expectRefusal(() => ServerThread.new({ address }), 'ERR_ADDRESS');
    await expectRefusal(() => connect(address), 'ERR_ADDRESS');
  }
  await expectRefusal(() => ServerThread.new({ address: ['no.such.host.invalid', 0], auth: 'a long enough key' }), 'ERR_ADDRESS');
  await expectRefusal(() => ServerThread.new({ address: { path: '/no/such/folder/socket' } }), 'ERR_ADDRESS_DENIED', /folder/);
});

it('a database that cannot be written, is no database, is of something else, or is a folder', async () => {
  const folder = temporaryFolder();
  const text = join(folder, 'text.db');
  writeFileSync(text, 'this is a text, long enough to be looked at as if it were a database of some kind\n'.repeat(100));
  await expectRefusal(() => ServerThread.new({ ...free, database: text }), 'ERR_DATABASE_FOREIGN');
  await expectRefusal(() => ServerThread.new({ ...free, database: folder }), 'ERR_DATABASE');
  await expectRefusal(() => ServerThread.new({ ...free, database: join(folder, 'no', 'such', 'folder.db') }), 'ERR_DATABASE');
  await expectRefusal(() => openTasks(join(folder, 'missing.db')), 'ERR_DATABASE');
  await expectRefusal(() => openTasks(text), 'ERR_DATABASE_FOREIGN');
  await expectRefusal(() => openTasks('memory:'), 'ERR_OPTION', /openTasks/);
  await expectRefusal(() => submitFrom(['true'], { database: text }), 'ERR_DATABASE_FOREIGN');
  if (process.getuid?.() !== 0) {
    const locked = join(folder, 'locked');
    mkdirSync(locked);
    chmodSync(locked, 0o500);
    await expectRefusal(() => ServerThread.new({ ...free, database: join(locked, 'tasks.db') }), 'ERR_DATABASE');
  }
  await expectRefusal(() => ServerThread.new({ ...free, database: '/proc/tasks.db' }), 'ERR_DATABASE');
});

it('a source that is missing, a folder, or no source', async () => {
  const folder = temporaryFolder();
  const missing = join(folder, 'missing.txt');
  for (const call of [
    () => serveFile(missing, free),
    () => serveFrom(missing, free),
    () => runLocal(missing),
    () => submitFile(missing, { address: 'localhost:9' }),
    () => submitFrom(new URL(`file://${missing}`), { database: join(folder, 'tasks.db') }),
  ])
    await expectRefusal(call, 'ERR_SOURCE_NOT_FOUND', /missing\.txt/);
  await expectRefusal(() => serveFile(folder, free), 'ERR_SOURCE');
  await expectRefusal(() => serveFrom(5 as never, free), 'ERR_OPTION', /source/);
  await expectRefusal(() => serveFrom(undefined as never, { ...free, foreverMode: true }), 'ERR_OPTION', /source/);
  await expectRefusal(() => runLocal(undefined as never), 'ERR_OPTION', /source/);
  await expectRefusal(() => serveFile(undefined as never, free), 'ERR_OPTION');
  await expectRefusal(() => submitFrom(undefined as never, { address: 'localhost:9' }), 'ERR_SOURCE');
  await expectRefusal(() => serveFile(['true'] as never, free), 'ERR_OPTION', /serveFrom\(\)/);
});

it('a source that throws halfway: what came before it is accepted and counted', async () => {
  async function* broken(): AsyncGenerator<string> {
    for (let i = 0; i < 250; i++) yield `: ${i}`;
    throw new RangeError('the disk is gone');
  }
  const { server } = await startPair();
  const { error } = await failureOf(() => server.submit(broken(), { bundlesize: 50 }));
  expect(error).toMatchObject({ code: 'ERR_SOURCE', message: expect.stringContaining('the disk is gone') });
  expect((await server.progress()).submitted).toBe(250);
  await expectRefusal(() => submitFrom(broken(), { address: server.address }), 'ERR_SOURCE', /the disk is gone/);
  expect((await server.progress()).submitted).toBe(500);

  const failed = await failureOf(() => runLocal(broken(), { bundlesize: 50 }));
  expect(failed.error).toMatchObject({ code: 'ERR_SOURCE', message: expect.stringContaining('the disk is gone') });
  expect(failed.error.details.summary).toMatchObject({ submitted: 250 });
});

it('an invalid option or unit names the option', async () => {
  const servers: [ServerOptions, string, RegExp][] = [
    [{ maxRetries: -1 }, 'ERR_OPTION', /maxRetries/],
    [{ foreverMode: 'yes' as never }, 'ERR_OPTION', /foreverMode/],
    [{ evictAfter: '5 parsecs' }, 'ERR_DURATION', /evictAfter/],
    [{ evictAfter: 1 }, 'ERR_DURATION', /evictAfter/],
    [{ bundlesize: 0 }, 'ERR_OPTION', /bundlesize/],
    [{ taskMemory: '8 elephants' }, 'ERR_SIZE', /taskMemory/],
    [{ foreverMode: true, restartMode: true }, 'ERR_OPTION', /restartMode/],
    [{ onResult: 'print' as never }, 'ERR_OPTION', /onResult/],
    [{ auth: 'short' }, 'ERR_AUTH_WEAK', /12/],
  ];
  for (const [options, code, message] of servers) {
    const { error } = await failureOf(() => ServerThread.new({ ...free, ...options }));
    expect([error.code, error.message]).toEqual([expect.stringMatching(`^(${code}|ERR_OPTION)$`), expect.stringMatching(message)]);
  }
  const clients: [ClientOptions, RegExp][] = [
    [{ numTasks: -1 }, /numTasks/],
    [{ capture: 'all' as never }, /capture/],
    [{ taskTimeout: 'soon' }, /taskTimeout/],
    [{ captureLimit: -5 }, /captureLimit/],
    [{ template: 5 as never }, /template/],
  ];
  for (const [options, message] of clients) await expect(ClientThread.new(options)).rejects.toThrow(message);
  const server = await startServer();
  await expectRefusal(() => ClientThread.new({ address: server.address, template: 'echo {% id' }), 'ERR_TEMPLATE', /column 6/);
});

it('an unknown option names the nearest one', async () => {
  await expectRefusal(() => ServerThread.new({ adress: 'localhost:0' } as never), 'ERR_UNKNOWN_OPTION', /'address'/);
  await expectRefusal(() => ClientThread.new({ numtasks: 4 } as never), 'ERR_UNKNOWN_OPTION', /'numTasks'/);
  await expectRefusal(() => runClient({ num_tasks: 4 } as never), 'ERR_UNKNOWN_OPTION', /'numTasks'/);
  await expectRefusal(() => SubmitThread.new([], { bundleSize: 1 } as never), 'ERR_UNKNOWN_OPTION', /'bundlesize'/);
  await expectRefusal(() => runLocal([], { adress: 'x' } as never), 'ERR_UNKNOWN_OPTION');
  await expectRefusal(() => serveForever({ forever: true } as never), 'ERR_UNKNOWN_OPTION');
  await expectRefusal(() => connect('localhost:1', { key: 'x' } as never), 'ERR_UNKNOWN_OPTION');
});

it('a wrong key: the client and the connection are told, the server serves on', async () => {
  const server = await startServer({ auth: 'the right key of all', foreverMode: true });
  const { address } = server;
  const auth = 'the wrong key of all';
  await expectRefusal(() => ClientThread.new({ address, auth }), 'ERR_AUTH');
  await expectRefusal(() => connect(address, { auth }), 'ERR_AUTH');
  await expectRefusal(() => submitFrom(['true'], { address, auth }), 'ERR_AUTH');
  expect(await server.progress()).toMatchObject({ submitted: 0, clients: 0 });
});

it('listening beyond loopback without a key', async () => {
  for (const host of ['0.0.0.0', '::']) await expectRefusal(() => ServerThread.new({ address: [host, 0] }), 'ERR_AUTH_REQUIRED', /auth/);
});

it('a server that is not there: the client says so after connectTimeout', async () => {
  const address: [string, number] = ['127.0.0.1', await freePort()];
  await expectRefusal(() => ClientThread.new({ address, auth: 'any key will do', connectTimeout: 0.3 }), 'ERR_CONNECT_TIMEOUT');
  await expectRefusal(() => connect(address, { auth: 'any key will do', connectTimeout: 0.3 }), 'ERR_CONNECT_TIMEOUT');
});

it('a command in a folder that does not exist fails with ERR_CWD', async () => {
  const { server } = await startPair();
  const { outcome, error } = await server.run({ args: 'pwd', cwd: '/no/such/folder' });
  expect([outcome, error?.code]).toEqual(['failed', 'ERR_CWD']);
  expect(await codeOf(() => server.run(5 as never))).toBe('ERR_TASK');
  for (const nothing of ['', ' \t', '# only a comment', ' # one\n# two\n', '# MILLRACE: cores:1'])
    expect(await codeOf(() => server.run(nothing))).toBe('ERR_TASK');
});

it('a cancel of what was forgotten is refused and cancels nothing; {} means all', async () => {
  const server = await startServer({ foreverMode: true, auth: 'a key of its own' });
  const connection = await connect(server.address, { auth: 'a key of its own' });
  await server.submit(['true', 'true']);
  for (const handle of [server, connection]) {
    expect(await codeOf(() => handle.cancel(undefined as never))).toBe('ERR_QUERY');
    expect(await codeOf(() => handle.cancel(null as never))).toBe('ERR_QUERY');
  }
  expect(await server.progress()).toMatchObject({ pending: 2, cancelled: 0 });
  expect(await server.cancel({})).toBe(2);
  await connection.close();
});

it('a server that cannot begin ends runLocal at once, whatever of its client stands by then', async () => {
  const missing = join(temporaryFolder(), 'missing.txt');
  // Far below the connectTimeout of the clients.
  const runs = Array.from({ length: 24 }, () => failureOf(() => runLocal(missing, { connectTimeout: '10m' })));
  for (const { error } of await Promise.all(runs)) expect(error).toMatchObject({ code: 'ERR_SOURCE_NOT_FOUND' });
});

it('a client that cannot begin ends runLocal at once, and leaves no thread', async () => {
  const before = process.env.TMPDIR;
  process.env.TMPDIR = join(temporaryFolder(), 'missing');
  onTestFinished(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });
  await expectRefusal(() => runLocal(['true']), 'ERR_SPAWN', /missing/);
});

it('a stream that fails before the server stands to read it', async () => {
  const missing = (): Source => createReadStream(join(temporaryFolder(), 'missing'));
  await expectRefusal(() => serveFrom(missing(), free), 'ERR_SOURCE', /ENOENT/);
  await expectRefusal(() => runLocal(missing()), 'ERR_SOURCE', /ENOENT/);
  await expectRefusal(() => submitFrom(missing(), { database: join(temporaryFolder(), 'tasks.db') }), 'ERR_SOURCE', /ENOENT/);
});

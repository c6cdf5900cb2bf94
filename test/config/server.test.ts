import { describe, expect, it, onTestFinished } from 'vitest';
import { clientEnvironment } from '../../src/config/environment.ts';
import { parseServerOptions } from '../../src/config/server.ts';
import type { ServerOptions } from '../../src/config/server-options.ts';
import { type Refusal, refusal } from './refusals.ts';

const key = 'my-secret-key';
const refused = (options: unknown): Refusal => refusal(() => parseServerOptions(options as ServerOptions));

describe('the options of a server', () => {
  it('have the documented defaults, in milliseconds', () => {
    expect(parseServerOptions().config).toEqual({
      address: { host: 'localhost', port: 50001 },
      auth: null,
      tls: null,
      connectionLimits: {},
      database: null,
      bundlesize: 100,
      bundlewait: 50,
      foreverMode: false,
      restartMode: false,
      maxRetries: 0,
      backoff: null,
      maxLosses: 5,
      eager: false,
      evictAfter: 60_000,
      heartrate: 10_000,
      reconnectGrace: 5_000,
      retain: { count: null, age: null },
      noConfirm: false,
      limits: [],
      failuresPath: null,
      failuresToHost: false,
      joblog: null,
      resume: false,
      strict: false,
      failFast: false,
      continueOnFailure: false,
      throwOnFailure: false,
      taskTimeout: null,
      taskCores: null,
      taskMemory: null,
      http: null,
    });
  });

  it('take undefined for absent', () => {
    expect(parseServerOptions({ address: undefined, maxRetries: undefined } as unknown as ServerOptions)).toEqual(parseServerOptions());
  });

  it('wait a tenth of evictAfter for a client whose connection closed, within bounds, when nothing is said', () => {
    const graceOf = (evictAfter: number): number => parseServerOptions({ evictAfter }).config.reconnectGrace;
    expect([2, 10, 30, 600].map(graceOf)).toEqual([500, 1_000, 3_000, 5_000]);
    expect(parseServerOptions({ evictAfter: 10, reconnectGrace: 7 }).config.reconnectGrace).toBe(7_000);
  });

  it('become milliseconds and bytes', () => {
    const { config } = parseServerOptions({
      address: ['0.0.0.0', 54321],
      auth: key,
      maxRetries: 2,
      eager: true,
      evictAfter: 600,
      foreverMode: true,
      bundlewait: '250ms',
      taskTimeout: '2h',
      taskMemory: '8G',
      backoff: '10s',
      retain: { age: '1d' },
      database: 'sqlite:tasks.db',
    });
    expect(config).toMatchObject({
      address: { host: '0.0.0.0', port: 54321 },
      evictAfter: 600_000,
      heartrate: 10_000,
      bundlewait: 250,
      taskTimeout: 7_200_000,
      taskMemory: 8 * 1024 ** 3,
      backoff: { delay: 10_000, factor: 2, max: 300_000, jitter: 0 },
      retain: { count: null, age: 86_400_000 },
      database: 'sqlite:tasks.db',
    });
  });

  it('become one frozen object that can cross to a thread, while functions stay behind in the hooks', () => {
    const controller = new AbortController();
    const onResult = (): void => {};
    const { config, hooks } = parseServerOptions({ source: ['true'], onResult, signal: controller.signal, tls: true, backoff: 1 });
    expect(structuredClone(config)).toEqual(config);
    for (const part of [config, config.address, config.retain, config.tls, config.backoff]) expect(Object.isFrozen(part)).toBe(true);
    expect(hooks).toMatchObject({ source: ['true'], onResult, signal: controller.signal });
  });

  it('leave the caller’s own objects as they are', () => {
    const source = ['true'];
    const options: ServerOptions = { source, retain: { count: 1 } };
    parseServerOptions(options);
    expect([options, source, options.retain].some((mine) => Object.isFrozen(mine))).toBe(false);
  });

  it('name the nearest option when one does not exist', () => {
    expect(refused({ evictafter: 60 })).toMatchObject({ code: 'ERR_UNKNOWN_OPTION', option: 'evictafter' });
    expect(refused({ max_retries: 1 }).message).toContain("Did you mean 'maxRetries'?");
    expect(refused({ retain: { cuont: 1 } })).toMatchObject({ code: 'ERR_UNKNOWN_OPTION', option: 'retain.cuont' });
    expect(refused({ retain: { cuont: 1 } }).message).toContain("Did you mean 'count'?");
    expect(refused({ tls: { fingerprnit: 'x' } }).message).toContain("Did you mean 'fingerprint'?");
    expect(refused({ connectionLimits: { peradress: 1 } }).message).toContain("Did you mean 'perAddress'?");
    expect(refused({ monitor: true }).code).toBe('ERR_UNKNOWN_OPTION');
    expect(refused({ bundlesize: 'x', unheardOf: 1 }).code).toBe('ERR_UNKNOWN_OPTION');
  });

  it('name the option, the value and what was expected when a value is wrong', () => {
    expect(refused({ bundlesize: 'many' })).toEqual({
      code: 'ERR_OPTION',
      message: "bundlesize must be a whole number from 1 to 100000; it is 'many'",
      option: 'bundlesize',
    });
    const wrong: [unknown, string, string][] = [
      [{ bundlesize: 0 }, 'ERR_OPTION', 'bundlesize'],
      [{ bundlesize: 1.5 }, 'ERR_OPTION', 'bundlesize'],
      [{ bundlesize: null }, 'ERR_OPTION', 'bundlesize'],
      [{ maxRetries: -1 }, 'ERR_OPTION', 'maxRetries'],
      [{ maxRetries: Number.POSITIVE_INFINITY }, 'ERR_OPTION', 'maxRetries'],
      [{ maxLosses: 0 }, 'ERR_OPTION', 'maxLosses'],
      [{ eager: 'yes' }, 'ERR_OPTION', 'eager'],
      [{ evictAfter: 'soon' }, 'ERR_DURATION', 'evictAfter'],
      [{ evictAfter: -1 }, 'ERR_DURATION', 'evictAfter'],
      [{ evictAfter: 1.9 }, 'ERR_OPTION', 'evictAfter'],
      [{ taskTimeout: 0 }, 'ERR_OPTION', 'taskTimeout'],
      [{ taskMemory: '8 apples' }, 'ERR_SIZE', 'taskMemory'],
      [{ taskCores: 0 }, 'ERR_OPTION', 'taskCores'],
      [{ address: 'localhost' }, 'ERR_ADDRESS', 'address'],
      [{ address: ['localhost', 70000] }, 'ERR_ADDRESS', 'address'],
      [{ auth: 'short' }, 'ERR_AUTH_WEAK', 'auth'],
      [{ auth: 12 }, 'ERR_OPTION', 'auth'],
      [{ tls: 'yes' }, 'ERR_OPTION', 'tls'],
      [{ tls: { ca: '/etc/ca.pem' } }, 'ERR_OPTION', 'tls.ca'],
      [{ tls: { cert: '-----BEGIN CERTIFICATE-----' } }, 'ERR_OPTION', 'tls.cert'],
      [{ tls: { passphrase: 'x' } }, 'ERR_OPTION', 'tls.passphrase'],
      [{ auth: { env: 'PATH' } }, 'ERR_OPTION', 'auth'],
      [{ auth: { env: 'MILLRACE_AUTH_UNSET' } }, 'ERR_OPTION', 'auth'],
      [{ auth: {} }, 'ERR_OPTION', 'auth'],
      [{ connectionLimits: 5 }, 'ERR_OPTION', 'connectionLimits'],
      [{ connectionLimits: { total: 0 } }, 'ERR_OPTION', 'connectionLimits.total'],
      [{ tls: { fingerprint: 'abc' } }, 'ERR_OPTION', 'tls.fingerprint'],
      [{ retain: 5 }, 'ERR_OPTION', 'retain'],
      [{ retain: { count: -1 } }, 'ERR_OPTION', 'retain.count'],
      [{ retain: { age: 'old' } }, 'ERR_DURATION', 'retain.age'],
      [{ backoff: { factor: 2 } }, 'ERR_OPTION', 'backoff'],
      [{ backoff: 'x' }, 'ERR_DURATION', 'backoff'],
      [{ database: '' }, 'ERR_OPTION', 'database'],
      [{ database: 'sqlite:' }, 'ERR_OPTION', 'database'],
      [{ database: 'mysql://user:password@host/db' }, 'ERR_OPTION', 'database'],
      [{ database: 'postgres:db' }, 'ERR_OPTION', 'database'],
      [{ source: 5 }, 'ERR_OPTION', 'source'],
      [{ source: new Uint8Array(3) }, 'ERR_OPTION', 'source'],
      [{ source: new URL('https://example.org/tasks') }, 'ERR_OPTION', 'source'],
      [{ onResult: 'f' }, 'ERR_OPTION', 'onResult'],
      [{ logger: {} }, 'ERR_OPTION', 'logger'],
      [{ signal: {} }, 'ERR_OPTION', 'signal'],
      [{ foreverMode: true, restartMode: true }, 'ERR_OPTION', 'restartMode'],
    ];
    for (const [options, code, option] of wrong) expect(refused(options), `${code} ${option}`).toMatchObject({ code, option });
    for (const options of [null, 5, 'x', []]) expect(refused(options), String(options)).toMatchObject({ code: 'ERR_OPTION' });
  });

  it('refuse what a server would not use of tls', () => {
    const ca = '-----BEGIN CERTIFICATE-----';
    for (const [tls, option] of [
      [{ fingerprint: 'ab'.repeat(32) }, 'tls.fingerprint'],
      [{ serverName: 'host' }, 'tls.serverName'],
    ] as const) {
      expect(refused({ tls })).toMatchObject({ code: 'ERR_OPTION', option, message: expect.stringContaining('server') });
    }
    expect(parseServerOptions({ tls: { cert: ca, key: ca, ca, passphrase: 'x' } }).config.tls).toEqual({
      cert: ca,
      key: ca,
      ca,
      passphrase: 'x',
    });
  });

  it('never repeat a key, a password or a certificate in a message', () => {
    const secret = 'hush';
    for (const options of [
      { auth: secret },
      { tls: { key: secret } },
      { tls: secret },
      { tls: { passphrase: [secret] } },
      { database: `mysql://u:${secret}@h/d` },
    ])
      expect(refused(options).message).not.toContain(secret);
  });

  it('take the key from a variable that commands do not see, and from no other', () => {
    onTestFinished(() => void delete process.env.MILLRACE_AUTH_OF_TEST);
    process.env.MILLRACE_AUTH_OF_TEST = key;
    expect(parseServerOptions({ auth: { env: 'MILLRACE_AUTH_OF_TEST' } }).config.auth).toBe(key);
    expect(Object.values(clientEnvironment())).not.toContain(key);
    process.env.MILLRACE_AUTH_OF_TEST = 'short';
    const { code, message } = refused({ auth: { env: 'MILLRACE_AUTH_OF_TEST' } });
    expect(code).toBe('ERR_AUTH_WEAK');
    expect(message).not.toContain('short');
  });

  it('refuse to listen beyond loopback without a key', () => {
    expect(refused({ address: ['0.0.0.0', 1] })).toMatchObject({ code: 'ERR_AUTH_REQUIRED', option: 'auth' });
    expect(refused({ address: 'example.org:1' }).code).toBe('ERR_AUTH_REQUIRED');
    expect(parseServerOptions({ address: ['0.0.0.0', 1], auth: key }).config.auth).toBe(key);
    for (const address of [['127.0.0.1', 0], '[::1]:0', { path: 'a.sock' }] as const)
      expect(parseServerOptions({ address }).config.auth).toBeNull();
  });

  it('lower the heartbeat with evictAfter, to a third of it', () => {
    expect(parseServerOptions({ evictAfter: 2 }).config.heartrate).toBe(666);
    expect(parseServerOptions({ evictAfter: 30 }).config.heartrate).toBe(10_000);
  });

  it('keep tasks in memory with inMemory, whatever the database is', () => {
    expect(parseServerOptions({ database: 'tasks.db', inMemory: true }).config.database).toBeNull();
    expect(parseServerOptions({ database: 'memory:' }).config.database).toBeNull();
    expect(parseServerOptions({ database: 'postgresql://u@h/d' }).config.database).toBe('postgresql://u@h/d');
    expect(parseServerOptions({ database: './postgres:odd.db' }).config.database).toBe('./postgres:odd.db');
  });

  it('take TLS as true, as false, or as texts', () => {
    const certificate = '-----BEGIN CERTIFICATE-----\n';
    expect(parseServerOptions({ tls: true }).config.tls).toEqual({});
    expect(parseServerOptions({ tls: false }).config.tls).toBeNull();
    expect(parseServerOptions({ tls: { cert: Buffer.from(certificate), key: '-----BEGIN PRIVATE KEY-----' } }).config.tls).toEqual({
      cert: certificate,
      key: '-----BEGIN PRIVATE KEY-----',
    });
  });
});

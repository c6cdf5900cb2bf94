import { describe, expect, onTestFinished, test } from 'vitest';
import { errorCodes, type MillraceError } from '../../src/base/errors.ts';
import * as remote from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { Calculator, calculator, failure, openDaemon, openProxy } from './parts.ts';

expectNoLeaks();

const { CommunicationError, ConnectionClosedError, DaemonError, MessageTooLargeError, NamingError } = remote;
const { ProtocolError, PyroError, SecurityError, SerializeError, TimeoutError } = remote;

const kinds = { PyroError, CommunicationError, ConnectionClosedError, TimeoutError, ProtocolError, MessageTooLargeError };
const allKinds = { ...kinds, SerializeError, NamingError, DaemonError, SecurityError };

/** The kinds of an error, the widest first. */
function kindsOf(error: unknown): string {
  return Object.entries(allKinds)
    .filter(([, kind]) => error instanceof kind)
    .map(([name]) => name)
    .join(' ');
}

describe('errors of remote objects', () => {
  test('are of the kind that their code says, whoever made them', async () => {
    const { daemon, remote: there } = await calculator();
    const names = await remote.serveNames({ address: { host: '127.0.0.1', port: 0 }, auth: 'a key for these tests' });
    onTestFinished(() => names.stop());
    const { port } = names.address as { port: number };
    const nobody = `mill:x@127.0.0.1:${(daemon.address as { port: number }).port}`;
    const thrown = (body: () => unknown): unknown => {
      try {
        return body();
      } catch (error) {
        return error;
      }
    };
    const found = {
      dead: kindsOf(await failure(openProxy<Calculator>('mill:x@127.0.0.1:1').add(1, 1))),
      slow: kindsOf(await failure(remote.bounded(there, { timeout: 0.000_001 }).later(new Uint8Array(1e6)))),
      large: kindsOf(await failure(there.echo('x'.repeat(17 * 2 ** 20)))),
      uncrossable: kindsOf(await failure(there.echo(new WeakMap()))),
      unnamed: kindsOf(await failure(openProxy<Calculator>(`millname:nobody@127.0.0.1:${port}`).add(1, 1))),
      unknown: kindsOf(await failure(openProxy<Calculator>(nobody).add(1, 1))),
      twice: kindsOf(thrown(() => daemon.register(new Calculator(), 'calculator'))),
      stranger: kindsOf(await failure(openProxy<Calculator>(nobody, { auth: 'another key, and wrong' }).add(1, 1))),
      uri: kindsOf(thrown(() => remote.proxy('no uri'))),
      private: kindsOf(await failure((there as unknown as { _private(): Promise<void> })._private())),
      own: kindsOf(await failure(there.divide(1, 0))),
    };
    expect(found).toEqual({
      dead: 'PyroError CommunicationError ConnectionClosedError',
      slow: 'PyroError CommunicationError TimeoutError',
      large: 'PyroError CommunicationError ProtocolError MessageTooLargeError',
      uncrossable: 'PyroError CommunicationError ProtocolError SerializeError',
      unnamed: 'PyroError NamingError',
      unknown: 'PyroError DaemonError',
      twice: 'PyroError DaemonError',
      stranger: 'PyroError SecurityError',
      uri: 'PyroError',
      private: 'PyroError',
      own: '',
    });
  });

  test('that a method throws keep their kind, name, code and details on the way', async () => {
    const daemon = await openDaemon();
    const thrower = {
      run(kind: keyof typeof allKinds): never {
        throw new allKinds[kind]('it is so', { details: { kind } });
      },
    };
    const there = openProxy<typeof thrower>(daemon.register(thrower));
    for (const [name, kind] of Object.entries(allKinds)) {
      const error = (await failure(there.run(name as keyof typeof allKinds))) as MillraceError;
      expect(error).toBeInstanceOf(kind);
      expect([error.name, error.message, error.code, error.details]).toEqual([name, 'it is so', kind.codes[0], { kind: name }]);
      expect(Object.getPrototypeOf(error)).toBe(kind.prototype);
      expect(remote.remoteTraceback(error)).toContain('it is so');
    }
  });

  test('stand under their parents with every code, and a class of a user is no kind of its own', () => {
    for (const kind of Object.values(allKinds)) {
      const parent = Object.getPrototypeOf(kind) as typeof PyroError;
      for (const code of kind.codes) {
        expect(Object.keys(errorCodes)).toContain(code);
        if (kind !== PyroError) expect(parent.codes).toContain(code);
      }
    }
    class Mine extends NamingError {}
    expect([new Mine('x') instanceof NamingError, new Mine('x') instanceof Mine, new NamingError('x') instanceof Mine]).toEqual([
      true,
      true,
      false,
    ]);
    expect([{ code: 'ERR_NAME' } instanceof NamingError, new TypeError('x') instanceof PyroError]).toEqual([false, false]);
    expect(new CommunicationError('x', { code: 'ERR_ADDRESS' }).code).toBe('ERR_ADDRESS');
  });
});

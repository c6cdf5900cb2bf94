/** How long what was passed by reference is kept: as long as anybody has a way to it, and no longer, whatever became of the call that passed it. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { type Deferred, deferred } from '../../src/base/deferred.ts';
import { batch, bounded, byReference, currentCall, type Daemon, pipelined, type Remote, release } from '../../src/remote/index.ts';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { Calculator, failure, openDaemon, openProxy } from './parts.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

expectNoLeaks();

class Workshop {
  gate: Deferred<void> = deferred();
  make(): Calculator {
    return byReference(new Calculator());
  }
  async makeLater(): Promise<Calculator> {
    await this.gate.promise;
    return byReference(new Calculator());
  }
  async failLater(): Promise<never> {
    await this.gate.promise;
    throw Object.assign(new Error('late'), { made: byReference(new Calculator()) });
  }
  async streamLater(): Promise<Iterable<number>> {
    await this.gate.promise;
    return [1, 2].values();
  }
  async *one(): AsyncGenerator<number> {
    await this.gate.promise;
    yield 42;
  }
  partly(): unknown[] {
    return [() => 1, byReference(new Calculator()), [1].values(), Symbol('no')];
  }
  huge(): unknown[] {
    return [() => 1, [1].values(), 'x'.repeat(17 * 1024 * 1024)];
  }
  failing(): never {
    throw Object.assign(new Error('with what cannot cross'), { made: () => 1, large: 'x'.repeat(17 * 1024 * 1024) });
  }
  *bad(): Generator<unknown> {
    yield [() => 1, Symbol('no')];
  }
}

async function workshop(): Promise<{ daemon: Daemon; object: Workshop; remote: Remote<Workshop>; uri: string }> {
  const daemon = await openDaemon();
  const object = new Workshop();
  const uri = daemon.register(object, 'workshop');
  const remote = openProxy<Workshop>(uri, { timeout: 60 });
  return { daemon, object, remote, uri };
}

/** Collects until the daemon holds nothing. */
async function freed(daemon: Daemon): Promise<void> {
  await until(() => {
    collect();
    return daemon.references.given === 0 && daemon.streams === 0;
  });
}

/** So many turns, each with a collection: what could be collected is, and has been told. */
async function collections(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a reference', () => {
  test('is there for who has only a method of it, a batch, a pipeline or a bounded form, and free after them', async () => {
    const { daemon, remote } = await workshop();
    await (async () => {
      const make = async (): Promise<Remote<Calculator>> => (await remote.make()) as unknown as Remote<Calculator>;
      const { add } = await make();
      const calls = batch(await make());
      const line = pipelined(await make());
      const patient = bounded(await make(), { timeout: 60 });
      await collections();
      expect(daemon.references.given).toBe(4);
      calls.add(1, 2);
      expect([await add(1, 2), ...(await calls()), await line.add(1, 2), await patient.add(1, 2)]).toEqual([3, 3, 3, 3]);
    })();
    await freed(daemon);
  });

  test('and a stream that come with the answer to a call that was given up are given back', async () => {
    const { daemon, object, remote } = await workshop();
    const abort = new AbortController();
    const impatient = bounded(remote, { signal: abort.signal });
    const calls = batch(impatient);
    calls.makeLater();
    calls.streamLater();
    const given = [impatient.makeLater(), impatient.failLater(), impatient.streamLater(), calls()].map((call) => failure(call));
    await remote.make().then(release);
    abort.abort();
    expect((await Promise.all(given)).map(({ code }) => code)).toEqual(['ERR_ABORTED', 'ERR_ABORTED', 'ERR_ABORTED', 'ERR_ABORTED']);
    object.gate.resolve();
    // Answered after those.
    await remote.makeLater().then((made) => release(made));
    await freed(daemon);
  });

  test('and a stream that were packed into what could not be sent are as they were', async () => {
    const { daemon, remote } = await workshop();
    expect(await failure(remote.partly())).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    expect(await failure(remote.huge())).toMatchObject({ code: 'ERR_FRAME_TOO_LARGE' });
    expect(await failure(remote.failing())).toMatchObject({ code: 'ERR_FRAME_TOO_LARGE' });
    const items = await remote.bad();
    expect(await failure(items.next())).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    const calls = batch(remote);
    calls.make();
    calls.one();
    calls.partly();
    const [made, one, failed] = (await calls({ continueOnError: true })).settled();
    expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'ERR_NOT_CLONEABLE' } });
    expect([made?.status, one?.status]).toEqual(['fulfilled', 'fulfilled']);
    await (one as PromiseFulfilledResult<AsyncIterableIterator<number>>).value.return?.();
    release((made as PromiseFulfilledResult<object>).value);
    await until(() => daemon.references.given === 0 && daemon.streams === 0);
    // An argument that could not be sent can be sent later.
    const echo = openProxy<{ first(items: unknown, more?: unknown): Promise<unknown> }>(
      daemon.register({ first: async (from: AsyncIterableIterator<unknown>) => (await from.next()).value }),
    );
    const stream = ['first'].values();
    expect(await failure(echo.first(stream, Symbol('no')))).toMatchObject({ code: 'ERR_NOT_CLONEABLE' });
    expect(await echo.first(stream)).toBe('first');
  });

  test('that was an argument for nobody is free here too', async () => {
    const { remote, uri } = await workshop();
    const nobody = openProxy<Record<string, (value: unknown) => Promise<void>>>(uri.replace('workshop', 'nobody'));
    const kept: WeakRef<object>[] = [];
    const own = (): (() => void) => {
      const call = (): void => void currentCall();
      kept.push(new WeakRef(call));
      return call;
    };
    expect(await failure(nobody.call!(own()))).toMatchObject({ code: 'ERR_OBJECT' });
    const calls = batch(nobody);
    calls.call!(own());
    expect(await failure(calls())).toMatchObject({ code: 'ERR_OBJECT' });
    // A call that is not made, since one before it failed.
    const stopped = batch(remote) as unknown as ReturnType<typeof batch<Record<string, (value: unknown) => Promise<void>>>>;
    stopped.missing!(1);
    stopped.make!(own());
    expect((await stopped()).settled()).toMatchObject([{ reason: { code: 'ERR_NOT_EXPOSED' } }]);
    await remote.make().then(release);
    await until(() => {
      collect();
      return kept.length === 3 && kept.every((reference) => reference.deref() === undefined);
    });
  });
});

test('a stream that is asked for an item is there until it comes, whoever has let go of it', async () => {
  const { object, remote } = await workshop();
  const first = (await remote.one()).next();
  await collections();
  await collections();
  object.gate.resolve();
  expect(await first).toEqual({ done: false, value: 42 });
});

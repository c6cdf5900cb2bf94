/** Objects of the host at the daemon of a server, whose calls are passed on: what gets lost on such a way if nobody cares for it. */
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bounded, byReference, control, currentCall, proxy, type Remote, release } from '../../dist/remote/index.js';
import { expectNoLeaks } from '../support/leaks.ts';
import { until } from '../support/until.ts';
import { failureOf, startServer } from './rig.ts';

expectNoLeaks();

const auth = 'a key for these tests';

function open<T>(uri: string, options: object = {}): Remote<T> {
  const remote = proxy<T>(uri, { auth, timeout: 20, ...options });
  onTestFinished(() => release(remote));
  return remote;
}

describe('an object of the host', () => {
  test('shows an error of a callback of the host on both sides, of one object and of the instances of a class', async () => {
    const server = await startServer({ auth, foreverMode: true });
    const daemon = await server.daemon;
    class Crashing {
      async crash(): Promise<never> {
        throw new RangeError('crash away');
      }
      quiet(): never {
        throw new RangeError('quietly');
      }
    }
    const errors: [unknown, string][] = [];
    const onCallbackError = (error: unknown, method: string): void => void errors.push([(error as Error).message, method]);
    for (const subject of [new Crashing(), Crashing]) {
      const remote = open<Crashing>(await daemon.register(subject, undefined, { callback: ['crash'], onCallbackError }));
      expect((await failureOf(() => remote.crash())).error).toMatchObject({ name: 'RangeError', message: 'crash away' });
      expect((await failureOf(() => remote.quiet())).error).toMatchObject({ message: 'quietly' });
    }
    expect(errors).toEqual([
      ['crash away', 'crash'],
      ['crash away', 'crash'],
    ]);
    const warned = once(process, 'warning');
    const remote = open<Crashing>(await daemon.register(new Crashing(), 'warning', { callback: ['crash'] }));
    expect((await failureOf(() => remote.crash())).error).toMatchObject({ name: 'RangeError' });
    expect((await warned)[0]).toMatchObject({ name: 'CallbackError', message: "the callback 'crash' failed: crash away" });
    await server.stop();
  });

  test('passes on what a method of the host gives by reference: its attributes are set, and its method is told when a caller gives up', async () => {
    const server = await startServer({ auth, foreverMode: true });
    const daemon = await server.daemon;
    const ended: string[] = [];
    class Player {
      #volume = 3;
      get volume(): number {
        return this.#volume;
      }
      set volume(value: number) {
        this.#volume = value;
      }
      wait(): Promise<void> {
        const { signal } = currentCall();
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => {
            ended.push((signal.reason as { code: string }).code);
            reject(signal.reason);
          }),
        );
      }
    }
    const studio = open<{ player(): Promise<Remote<Player>> }>(
      await daemon.register({ player: () => byReference(new Player()) }, 'studio'),
    );
    const player = await studio.player();
    await control(player).set('volume', 8);
    expect(await player.volume).toBe(8);
    expect((await failureOf(() => bounded(player, { timeout: 0.1 }).wait())).error).toMatchObject({ code: 'ERR_TIMEOUT' });
    await until(() => ended.length === 1);
    expect(ended).toEqual(['ERR_ABORTED']);
    await server.stop();
  });
});

import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { taskError } from '../../../../src/client/executors/function/call-error.ts';

describe('what a call threw, as data', () => {
  it('is never thrown again, whatever it does when it is looked at', () => {
    const hostile = new Error('hidden');
    for (const name of ['stack', 'code', 'cause', 'name', 'message'])
      Object.defineProperty(hostile, name, {
        get() {
          throw new Error('again');
        },
      });
    expect(taskError(hostile)).toMatchObject({ message: 'something that cannot be shown as text', code: null, stack: null });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(taskError(proxy)).toMatchObject({ name: 'Error', code: null });
  });

  it('shows what an object holds that is no error', () => {
    expect(taskError({ status: 404, reason: 'gone' }).message).toBe("{ status: 404, reason: 'gone' }");
    expect(taskError('a text').message).toBe('a text');
    expect(taskError(undefined).message).toBe('undefined');
  });

  it('of an error of another realm has its name, message and code', () => {
    const foreign: unknown = runInNewContext("Object.assign(new TypeError('far away'), { code: 'E_FAR' })");
    expect(taskError(foreign)).toMatchObject({ name: 'TypeError', message: 'far away', code: 'E_FAR' });
  });
});

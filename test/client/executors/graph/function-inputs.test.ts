import { expect, test } from 'vitest';
import { blob, json } from '../../../../src/session/blob.ts';
import type { Context } from '../../../../src/session/context.ts';
import type { DataInstance } from '../../../../src/session/data-instance.ts';
import { Input } from '../../../../src/session/input-output.ts';
import { remote } from '../../../../src/session/remote.ts';
import { thrown } from '../../../session/homes.ts';
import { Here } from './run-here.ts';

const module = new URL('../../../session/fixtures/words.mjs', import.meta.url);

test('what is loaded can be said by the names of parameters, also of those that an options object is taken apart into', async () => {
  const here = new Here();
  const load = new Input(null, { load: true });
  await here.session.bindOnly(async () => {
    const value = json('loaded');
    const kinds = remote(
      (_context: Context, one: unknown, two: unknown, { three, four = 4 }: Record<string, unknown>, ...more: unknown[]) => {
        const kind = (arg: unknown): unknown => (Array.isArray(arg) ? arg.map(kind) : typeof arg);
        return JSON.stringify([one, two, three, four, more].map(kind));
      },
      { inputs: { two: load, four: load, more: load } },
    );
    const object = 'object';
    expect(JSON.parse(await here.text(kinds(value, value, { three: json(3), four: [value] }, value, [value])))).toEqual([
      object,
      'string',
      object,
      ['string'],
      ['string', ['string']],
    ]);
    const counted = remote(module, 'words', { inputs: { text: load } });
    expect(JSON.parse(await here.text(counted(blob('one two'))))).toEqual(
      await here.text(remote(module, 'words', { autoLoad: true })(blob('one two'))).then(JSON.parse),
    );
    expect(thrown(() => remote(module, 'words', { inputs: { txet: load } })).message).toMatch(/no parameter 'txet' .*Did you mean 'text'/);
    expect(thrown(() => remote((_context: Context) => 'x', { inputs: { x: load } })).message).toMatch(/it has none/);
    expect(thrown(() => remote(() => 'x', { inputs: { x: 1 } as never })).message).toMatch(/an Input, an InputDir or null/);
    expect(thrown(() => remote(() => 'x', { inputs: 5 as never })).message).toMatch(/a list, or an object/);
  });
});

test('the bytes of a small input lie in memory of their own', async () => {
  const here = new Here();
  await here.session.bindOnly(async () => {
    const room = remote(async (_context: Context, input: DataInstance) => String((await input.getBytes()).buffer.byteLength));
    expect(await here.text(room(blob('hello')))).toBe('5');
  });
});

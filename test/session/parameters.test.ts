import { expect, test } from 'vitest';
import { exportedParameters, type Parameter, parametersOf } from '../../src/session/parameters.ts';

const shown = (parameters: readonly Parameter[] | null): unknown =>
  parameters?.map(({ name, properties, rest }) => (name === null ? properties : rest ? `...${name}` : name)) ?? null;

test.each<[string, unknown]>([
  ['(context, a, b) => a', ['context', 'a', 'b']],
  ['async context => 1', ['context']],
  ['() => 1', []],
  ['async function* name(c, a = [1, ")"], ...rest) {}', ['c', 'a', '...rest']],
  ['function (c, /* a, b */ $a, // x, y\n _b = (1, 2)) {}', ['c', '$a', '_b']],
  ['(c, { a, b: renamed, c = { x: [1, 2] }, ...others }, [d]) => 1', ['c', ['a', 'b', 'c'], []]],
  ["(c, a = `x ) y`, b = 'it\\'s, so') => 1", ['c', 'a', 'b']],
  ['function f<T>(c: Context, a: Map<string, Set<number>>, b?: (x: number, y: T) => void, d: T = 1 as T) {}', ['c', 'a', 'b', 'd']],
  ['class A {}', null],
  ['(a, b', null],
])('the parameters of %j', (text, names) => {
  expect(shown(parametersOf(text))).toEqual(names);
});

test('parameters of what a module exports are found where it is made in that module', () => {
  const source = `import { x } from 'y';
    // function other(wrong) {}
    export async function one(c, a) {}
    const $two = (c, { b }) => 1;
    export let three: Fn = async (c, d) => 2;
    export { $two, four } from './z.mjs';
    export default function (c, e) {}`;
  const names = ['one', '$two', 'three', 'four', 'default'].map((name) => shown(exportedParameters(source, name)));
  expect(names).toEqual([['c', 'a'], ['c', ['b']], ['c', 'd'], null, ['c', 'e']]);
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { remote } from '../../../../src/session/remote.ts';
import { temporaryFolder } from '../../../support/temporary.ts';
import { Here } from './run-here.ts';

test('a module that cannot be bundled refuses the submission, in plain text', async () => {
  const here = new Here();
  const refused = async (text: string): Promise<Error> => {
    const path = join(temporaryFolder(), 'wrong.mjs');
    writeFileSync(path, text);
    return here.session.bindOnly(async () => await here.run(remote(path, 'f')()).catch((error: Error) => error)) as Promise<Error>;
  };
  const wrong = {
    syntax: 'export function f( {',
    file: "import './no-such-file.mjs';",
    package: "import 'no-such-package'; export function f() {}",
  };
  const errors = [await refused(wrong.syntax), await refused(wrong.file), await refused(wrong.package)];
  for (const error of errors) expect(error).toMatchObject({ name: 'RainException', code: 'ERR_MODULE_NOT_FOUND' });
  expect(errors.map(({ message }) => message)).toEqual([
    expect.stringContaining('wrong.mjs cannot be bundled'),
    expect.stringContaining("'./no-such-file.mjs'"),
    expect.stringContaining("it imports 'no-such-package', which is not installed here"),
  ]);
  for (const { message } of errors) expect(message).not.toContain('\u001b');
});

test('a module may be CommonJS: its names, its function, and the default of one that was compiled', async () => {
  const here = new Here();
  const folder = temporaryFolder();
  const written = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const names = written('names.cjs', "const { join } = require('node:path'); exports.f = () => join('a', 'b');");
  const whole = written('whole.cjs', "module.exports = () => 'whole';");
  const compiled = written(
    'compiled.cjs',
    "Object.defineProperty(exports, '__esModule', { value: true }); exports.default = () => 'default'; exports[['na', 'med'].join('')] = () => 'named';",
  );
  await here.session.bindOnly(async () => {
    const ask = (path: string, name: string): Promise<string> => here.text(remote(path, name)());
    expect([await ask(names, 'f'), await ask(whole, 'default'), await ask(compiled, 'default'), await ask(compiled, 'named')]).toEqual([
      'a/b',
      'whole',
      'default',
      'named',
    ]);
    await expect(ask(names, 'g')).rejects.toThrow("the module of the task exports no function 'g'");
  });
});

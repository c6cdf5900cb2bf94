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

/** A module that cannot be loaded the first time: its client has no files left. */
import { existsSync, writeFileSync } from 'node:fs';

const { MARK } = process.env;
if (!existsSync(MARK)) {
  writeFileSync(MARK, '');
  throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
}

export const answer = () => 42;

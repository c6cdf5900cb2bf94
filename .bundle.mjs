/**
 * The programs of the threads, each as one file and what it loads later: a file costs a thread half a millisecond, which was half of the time to the
 * first task. Over what the compiler made, in the same places; everything else stays as it is.
 */
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const built = join(dirname(fileURLToPath(import.meta.url)), 'dist');

/** An error is recognized by its class, also by what is not in the bundle; the doors that load modules of the user are not, which may load them too. */
const shared = /[\\/]dist[\\/](?:base[\\/]errors\.js$|(?:http|remote|session)[\\/])/;

/** From any file of a bundle, which stands one folder deep. */
const fromBundle = (path) => `../${relative(built, path).replaceAll('\\', '/')}`;

/** What is named by its place beside a module is found there from the bundle too. */
const keepsItsPlace = {
  name: 'keeps-its-place',
  transform(code, id) {
    const placed = code.replace(
      /new URL\('(\.[^']+)', import\.meta\.url\)/g,
      (_, path) => `new URL('${fromBundle(join(dirname(id), path))}', import.meta.url)`,
    );
    return placed === code ? null : { code: placed, map: null };
  },
};

const staysOutside = {
  name: 'stays-outside',
  async resolveId(name, from, options) {
    const found = from === undefined ? null : await this.resolve(name, from, { ...options, skipSelf: true });
    return found !== null && shared.test(found.id) ? { id: fromBundle(found.id), external: true } : null;
  },
};

for (const role of ['server', 'client', 'submit'])
  await build({
    input: join(built, role, 'entry.js'),
    platform: 'node',
    external: /^(?![./]|[A-Za-z]:\\)/,
    plugins: [staysOutside, keepsItsPlace],
    output: {
      dir: built,
      format: 'esm',
      entryFileNames: `${role}/entry.js`,
      chunkFileNames: `${role}/entry-[name].js`,
    },
  });

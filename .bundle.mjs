/**
 * The programs of the threads, each as one file and what it loads later: a file costs a thread half a millisecond, which was half of the time to the
 * first task; and the host's checks of options with what they need of zod. Over what the compiler made, in the same places; everything else stays as it is.
 */
import { readdirSync, readFileSync } from 'node:fs';
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

const staysOutside = (files) => ({
  name: 'stays-outside',
  async resolveId(name, from, options) {
    const found = from === undefined ? null : await this.resolve(name, from, { ...options, skipSelf: true });
    return found !== null && files.test(found.id) ? { id: fromBundle(found.id), external: true } : null;
  },
});

/**
 * Packages of which a thread needs a function or two go into its file, with their licences: `uuid` alone were twenty files more, both 30 ms of two cores. Net-ipc by
 * itself loads two packages, if they are there, for what is never used of it: msgpackr took 8 ms and 2 MB of each thread that listens or dials.
 */
const inside = { uuid: 'LICENSE.md', croner: 'LICENSE', 'net-ipc': 'LICENSE', zod: 'LICENSE' };
const needless = ['msgpackr', 'fast-zlib'];
const packages = fileURLToPath(new URL('node_modules', import.meta.url));
const licences = Object.entries(inside).map(([name, file]) => ({ name, text: readFileSync(join(packages, name, file), 'utf8').trim() }));
const licencesOf = ({ moduleIds }) =>
  licences
    .filter(({ name }) => moduleIds.some((id) => id.replaceAll('\\', '/').includes(`/node_modules/${name}/`)))
    .map(({ name, text }) => `/*! Holds parts of ${name}.\n\n${text}\n*/`)
    .join('\n');
const isNeedless = (id, from) => needless.includes(id) && /[\\/]net-ipc[\\/]/.test(from);
const isOutside = (id, from) => !/^(?:[./\0]|[A-Za-z]:\\)/.test(id) && !Object.hasOwn(inside, id.split('/')[0]) && !isNeedless(id, from);

/** Net-ipc is told that they are not installed. */
const missing = '\0missing';
const leavesOut = {
  name: 'leaves-out',
  resolveId: (id, from) => (isNeedless(id, from) ? missing : null),
  load: (id) => (id === missing ? 'module.exports = undefined;' : null),
};

/** A text in which one character has more than eight bits takes two bytes for each, in each thread that runs it. They stand in texts and patterns alone. */
const staysNarrow = {
  name: 'stays-narrow',
  generateBundle(_, files) {
    for (const file of Object.values(files))
      file.code = file.code.replace(/[^\0-\xff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  },
};

const program = (input, folder, plugin) =>
  build({
    input,
    platform: 'node',
    external: isOutside,
    plugins: [leavesOut, plugin, keepsItsPlace, staysNarrow],
    output: {
      dir: built,
      format: 'esm',
      banner: licencesOf,
      comments: false,
      entryFileNames: `${folder}/[name].js`,
      chunkFileNames: `${folder}/entry-[name].js`,
    },
  });

for (const role of ['server', 'client', 'submit']) await program(join(built, role, 'entry.js'), role, staysOutside(shared));

// The index of zod loads all of it, with its messages in fifty languages: 35 of the 120 ms in which a host loads this package, and 6 MB.
const config = readdirSync(join(built, 'config')).filter((name) => name.endsWith('.js'));
await program(
  config.map((name) => join(built, 'config', name)),
  'config',
  staysOutside(/[\\/]dist[\\/](?!config[\\/])/),
);

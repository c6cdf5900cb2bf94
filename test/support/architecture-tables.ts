/**
 * The tables of the architecture test: which folder stands on which layer, and what each folder may use. Data only; the rules are
 * beside it in `architecture-rules.ts`. A table grows when a part that needs it lands, in the same change.
 */

/** A folder imports only from folders of lower rank: never upwards, never from a sibling of its own rank. */
export const ranks: Readonly<Record<string, number>> = {
  base: 0,
  task: 1,
  config: 2,
  protocol: 2,
  graph: 2,
  transport: 3,
  store: 3,
  threads: 3,
  output: 3,
  source: 4,
  data: 4,
  remote: 4,
  http: 4,
  session: 4,
  control: 5,
  server: 6,
  client: 6,
  submit: 6,
  local: 7,
  testing: 7,
  demo: 7,
};

/** The rank of `src/index.ts`, and of every other file directly in `src/` (there is none). */
export const topRank = 8;

/** Built-ins by folder. `node:net`, `node:child_process`, `node:sqlite` and the like are in `builtinHomes` instead. */
export const builtins: Readonly<Record<string, readonly string[]>> = {
  base: ['crypto', 'os'],
  task: ['buffer', 'module', 'path', 'url', 'v8', 'vm'],
  config: ['buffer', 'os', 'path', 'stream', 'url', 'util'],
  protocol: ['buffer', 'crypto'],
  graph: [],
  transport: [
    'buffer',
    'crypto',
    'dns',
    'dns/promises',
    'events',
    'fs',
    'fs/promises',
    'os',
    'path',
    'stream',
    'url',
    'worker_threads',
    'zlib',
  ],
  store: ['buffer', 'crypto', 'fs', 'fs/promises', 'module', 'os', 'path', 'url', 'util'],
  threads: ['path', 'url', 'worker_threads'],
  output: ['buffer', 'fs', 'fs/promises', 'stream', 'util'],
  source: ['buffer', 'crypto', 'events', 'fs', 'fs/promises', 'os', 'path', 'readline', 'stream', 'string_decoder', 'url'],
  data: ['buffer', 'fs/promises', 'path', 'stream', 'url'],
  remote: ['async_hooks', 'buffer', 'util'],
  http: ['buffer', 'crypto', 'http', 'https', 'path', 'stream', 'url', 'util'],
  session: ['async_hooks', 'buffer', 'fs', 'fs/promises', 'module', 'path', 'stream', 'stream/promises', 'url', 'util'],
  control: ['buffer', 'path', 'stream', 'url', 'worker_threads'],
  server: ['buffer', 'diagnostics_channel', 'os', 'path', 'url', 'worker_threads'],
  client: [
    'async_hooks',
    'buffer',
    'crypto',
    'diagnostics_channel',
    'fs',
    'fs/promises',
    'os',
    'path',
    'stream',
    'stream/promises',
    'url',
    'util',
    'worker_threads',
    'module',
  ],
  submit: ['buffer', 'diagnostics_channel', 'os', 'path', 'url', 'worker_threads'],
  local: ['buffer', 'fs', 'os', 'path', 'stream', 'url', 'worker_threads'],
  testing: ['assert', 'assert/strict', 'buffer', 'fs', 'os', 'path', 'url', 'util', 'worker_threads'],
  demo: ['buffer', 'crypto', 'fs', 'fs/promises', 'os', 'path', 'process', 'readline', 'stream', 'url', 'util', 'zlib'],
};

/** Modules that only these folders may load, whatever the table above says. */
export const moduleHomes: Readonly<Record<string, readonly string[]>> = {
  // A named pipe is read through a socket of its descriptor: nothing listens or dials there.
  'node:net': ['transport', 'client/executors'],
  'node:tls': ['transport'],
  'node:child_process': ['client/executors'],
  'node:sqlite': ['store/sqlite'],
  zod: ['config'],
  croner: ['task'],
  'net-ipc': ['transport'],
  msgpackr: ['task', 'protocol', 'transport', 'store'],
  selfsigned: ['transport'],
  piscina: ['client/executors'],
  undici: ['http'],
  hono: ['http/gateway'],
  '@hono/node-server': ['http/gateway'],
  'prom-client': ['http/gateway'],
  'tar-stream': ['session'],
  rolldown: ['session'],
  libsql: ['store/sqlite'],
  pg: ['store/postgres'],
  uuid: ['base'],
  eventemitter3: ['threads', 'control', 'local'],
  'fast-check': ['testing'],
  '@opentelemetry/api': ['base'],
};

export interface Ban {
  /** What it is, in the words of the report. */
  readonly what: string;
  readonly pattern: RegExp;
  /** Folders in which it is allowed. */
  readonly homes: readonly string[];
}

/** Words of the language and the platform that belong to some folders only. Looked for outside comments and strings. */
export const bans: readonly Ban[] = [
  { what: 'process.env', pattern: /\bprocess\s*\.\s*env\b|\benv\s*\}\s*=\s*process\b/, homes: ['config'] },
  { what: 'a clock', pattern: /\bDate\s*\.\s*now\b|\bnew Date\s*\(\s*\)|\bperformance\b|\bhrtime\b/, homes: ['base'] },
  { what: 'a timer', pattern: /\b(?:setTimeout|setInterval|clearTimeout|clearInterval)\b|\bAbortSignal\s*\.\s*timeout\b/, homes: ['base'] },
  {
    what: 'the event loop',
    pattern: /\b(?:setImmediate|queueMicrotask|nextTick)\b/,
    homes: ['base', 'transport', 'server', 'client', 'source', 'store'],
  },
  { what: 'chance', pattern: /\bMath\s*\.\s*random\b/, homes: ['base'] },
  // Keys and nonces are transport's; ids are base's.
  {
    what: 'randomness of node:crypto',
    pattern: /\b(?:randomUUID|randomBytes|randomInt|randomFill|randomFillSync|getRandomValues)\b/,
    homes: ['base', 'transport'],
  },
  { what: 'a Worker', pattern: /\bnew\s+Worker\b|\bimport\s*\{[^}]*\bWorker\b/, homes: ['threads'] },
  { what: 'the console', pattern: /\bconsole\s*\./, homes: ['demo'] },
  // Inside a thread `process` is the thread's: its exit, its uncaught errors.
  {
    what: "the host's exit",
    pattern: /\bprocess\s*\.\s*(?:exitCode\b|exit\s*\(|abort\s*\()/,
    homes: ['client/executors/function', 'demo'],
  },
  {
    what: 'a handler on the process',
    pattern: /\bprocess\s*\.\s*(?:on|once|addListener|prependListener)\s*\(/,
    homes: ['threads', 'client/executors/function', 'demo'],
  },
  { what: 'the directory of the process', pattern: /\bprocess\s*\.\s*(?:chdir|umask)\b/, homes: [] },
  { what: 'an export of everything', pattern: /\bexport\s*\*/, homes: [] },
  { what: 'the type any', pattern: /\bas any\b|:\s*any\b|<any>/, homes: [] },
];

/** Files whose decisions are pure: state machines without I/O, clock or promise. */
export const pureFile: RegExp =
  /^src\/(?:graph\/|(?:.*\/)?core\/|(?:server|client|submit)\/(?:core|scheduler|registry|eviction)[-.\w]*\.ts$)/;

/** What a pure file may not say. */
export const impure: RegExp =
  /\bawait\b|\basync\b|\bPromise\b|\bDate\b|\b(?:setTimeout|setInterval|setImmediate|queueMicrotask|nextTick)\b|\bperformance\b|\bClock\b/;

/** Names that say nothing of what is inside. */
export const emptyNames: ReadonlySet<string> = new Set([
  'utils',
  'util',
  'helpers',
  'helper',
  'lib',
  'common',
  'misc',
  'shared',
  'interfaces',
  'types',
  'constants',
  'classes',
]);

/** Entries of the repository's root besides dot-files and what is built or installed. */
export const rootEntries: ReadonlySet<string> = new Set([
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'src',
  'test',
  'benchmarks',
  'README.md',
  'LICENSE',
  'node_modules',
  'dist',
]);

export const longestFile = 300;

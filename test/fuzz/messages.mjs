/** One message of every shape of the protocol, and what chance makes of it: any part of it replaced, cut out, doubled or nested. */
import fc from 'fast-check';

const attributes = {
  key: 'k',
  group: 1,
  priority: 2,
  cores: 1,
  memory: 1,
  resources: { gpu: 1 },
  timeout: 5,
  tags: { a: 'b' },
  startDelay: 1,
  dependsOn: ['0190aaaa-0000-7000-8000-000000000001'],
  maxRetries: 1,
  backoff: { delay: 1, factor: 2, max: 5, jitter: 0 },
  env: { A: 'b' },
  cwd: '/',
  cron: '* * * * *',
  timezone: 'UTC',
};
const task = [0, 'echo {}', 'input', attributes];
const end = [1, 1, 0, 1_700_000_000_000, 12.5, 0, { stdout: 'x', stderr: new Uint8Array(2), truncated: false, peakCores: 1 }];

export const samples = [
  [
    'welcome',
    { id: 's', host: 'h', epoch: 3, salt: '0123456789', heartrate: 10_000, evictAfter: 60_000, noConfirm: true, limits: [['a', 1]] },
  ],
  ['heartbeat'],
  ['end', 'complete'],
  ['bye'],
  ['resume', [[4_294_967_297, [1, 4, 9, 9]]]],
  ['resumed', [[4_294_967_297, [9, 9]]]],
  ['want', 1, 250, 2],
  ['work', 4_294_967_297, 1, [[1, 1_700_000_000_000, task]]],
  ['started', 4_294_967_297, [1, 1]],
  ['progress', [[4_294_967_297, [[1, '{"done":0.5}']]]]],
  ['results', 1, [[4_294_967_297, [end]]]],
  ['ack', 1],
  ['recall', 3],
  ['back', [[4_294_967_297, [1, 3]]]],
  ['cancel', [[4_294_967_297, [2, 2]]]],
  ['drain'],
  ['submit', 'u', 1, [task, [1, 'file:///m.js#f', new Uint8Array([145, 1]), null]], true],
  ['submitted', 'u', 1, { first: 1, submittedAt: 1_700_000_000_000, count: 1, duplicates: [[0, 5]], rejected: 0 }],
  ['submitter-done', 'u'],
  ['submitter-open', 'u'],
  ['?', 1, 'progress', null],
  ['?', 2, 'find', { where: [['priority', '>', 1]], tags: { a: 'b' }, orderBy: 'n', limit: 5 }],
  ['?', 3, 'change', { numbers: [1], change: { kind: 'update', tags: { a: 1 } } }],
  ['=', 1, { ready: 2 }],
  ['!', 1, { code: 'ERR_NOT_FOUND', message: 'no task', details: {}, cause: null }],
  ['event', 'completed', [1, -1, 0.5, true]],
];

const odd = fc.oneof(
  fc.anything({ maxDepth: 3, withTypedArray: true }),
  fc.constantFrom(
    null,
    undefined,
    -1,
    0,
    0.5,
    2 ** 31,
    2 ** 32,
    2 ** 53,
    -(2 ** 53),
    1e300,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    '',
    '\0',
    [],
    {},
    true,
  ),
  fc.integer({ min: 1, max: 80 }).map((depth) => {
    let nested = [];
    for (let i = 0; i < depth; i++) nested = [nested];
    return nested;
  }),
  fc.integer({ min: 1, max: 20_000 }).map((length) => 'x'.repeat(length)),
);

/** `value` with one place in it, chosen by `at`, changed as `how` says. */
function changed(value, at, how, into) {
  const keys = typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) ? Object.keys(value) : [];
  if (keys.length === 0 || at.length === 0) return into;
  const [place, ...deeper] = at;
  const key = keys[place % keys.length];
  const copy = Array.isArray(value) ? [...value] : { ...value };
  if (deeper.length > 0) copy[key] = changed(value[key], deeper, how, into);
  else if (how === 'replace') copy[key] = into;
  else if (how === 'cut' && Array.isArray(copy)) copy.splice(Number(key), 1);
  else if (how === 'cut') delete copy[key];
  else if (Array.isArray(copy)) copy.splice(Number(key), 0, how === 'double' ? value[key] : into);
  else copy[`${key}${how}`] = into;
  return copy;
}

/** A message of some shape with one to three changes. */
export const mutated = fc
  .tuple(
    fc.constantFrom(...samples),
    fc.array(
      fc.tuple(fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 6 }), fc.constantFrom('replace', 'cut', 'double', 'add'), odd),
      {
        minLength: 1,
        maxLength: 3,
      },
    ),
  )
  .map(([sample, changes]) => changes.reduce((value, [at, how, into]) => changed(value, at, how, into), sample))
  .filter((value) => Array.isArray(value));

/**
 * How many function calls a second in one process when nothing is kept on disk? A function that does nothing, two threads: `runLocal` and server,
 * client and submitter over loopback TCP, both with the memory store and a record of each result; beside piscina and workerpool, which record none.
 */
import { compare } from './compare.mjs';
import { functionsLocally, functionsOverTcp } from './contestants.mjs';
import { packageVersions, quick } from './harness.mjs';
import { piscina, workerpool } from './rivals/threads.mjs';

const name = 'functions, memory';

await compare(
  'functions-memory',
  import.meta.url,
  [
    {
      name,
      tasks: quick ? 20_000 : 100_000,
      rounds: quick ? 1 : 5,
      contestants: { piscina, workerpool, 'millrace, runLocal': functionsLocally, 'millrace, TCP': functionsOverTcp(false) },
    },
  ],
  {
    bars: [
      { what: 'functions a second in memory, one process', case: name, contestant: 'millrace, runLocal', of: 'rate', least: 150_000 },
      { what: 'functions in memory against piscina', case: name, contestant: 'millrace, runLocal', of: 'ratio', least: 3 },
    ],
    versions: () => packageVersions(['piscina', 'workerpool']),
  },
);

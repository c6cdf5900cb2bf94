/** The benchmarks: one question each, in the order in which the report has them. */
export const questions = {
  shell: 'commands a second, durable, beside xargs, GNU parallel, a spawn loop and execa; in a small host and one of 1 GiB',
  'shell-checked': 'the same with commands whose output and stored counts are checked',
  functions: 'function calls a second from adding to recorded end, durable, beside graphile-worker, pg-boss and BullMQ',
  'functions-memory': 'the same in memory, beside piscina and workerpool',
  postgres:
    'function calls a second on PostgreSQL, beside graphile-worker and pg-boss; servers that share a queue, and claims in a long one',
  latency: 'from a submission to an idle server to the start of the task, beside BullMQ',
  pyro: "calls a second over Pyro's wire, by Pyro4 itself and by us, on either side",
  startup: 'from nothing to the first task done, and its parts',
  memory: 'lines a second into SQLite, and resident memory with 1,000,000 of them queued',
  gateway: 'what 1,000 queries a second over HTTP cost the tasks, and a submission of 1,000,000 lines by it in memory',
  dashboard: 'how soon the page shows what is asked for, with 1,000,000 tasks and 1,000 clients',
  connections: 'what a server takes for each of 500 connected clients, and how much of a core when they work',
  series: 'what a task costs as the queue, the clients, the bundles and the arguments grow',
  scale: "the server's decisions with 1,000 clients of 250 slots and up to 1,000,000 queued tasks, in virtual time",
  core: "what the server's decisions cost per task, without store and network",
  remote: 'calls of remote objects a second, beside bare TCP, capnweb, grpc-js, Comlink and Pyro4',
  graph: 'what tiny tasks cost in graphs of several shapes, beside dask.distributed; bytes between clients, and memory',
  'remote-references': 'whether a session of 1,000,000 callbacks and results by reference grows',
  floor: 'the least that a program of this shape can take on this machine, part by part, beside what ours takes',
  'shell-slots': 'the bare slots of a client, without a server',
};

/** Those that are run whole: they have no cases from which `--only` could choose. */
export const undivided = new Set([
  'latency',
  'pyro',
  'startup',
  'memory',
  'dashboard',
  'connections',
  'scale',
  'core',
  'remote-references',
  'shell-slots',
]);

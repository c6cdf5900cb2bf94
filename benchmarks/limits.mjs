/**
 * Why a bar is missed, with the figures of `floor` and of the benchmark itself: a paragraph for each bar that has been profiled. The report prints those
 * of the bars that are missed; what a machine or a later version meets disappears from it.
 */

/** The figures that the paragraphs name: `of(benchmark, what, column)`, `what` being the name in the row's first columns. */
function figures(rows) {
  return (benchmark, what, column) => {
    const row = rows.find(
      (one) =>
        one.benchmark === benchmark &&
        [one.what, one.contestant, `${one.case}: ${one.what ?? one.contestant}`, `${one.task}: ${one.clock}`].includes(what),
    );
    const value = row?.[column];
    return value === undefined || value === null ? '(not run)' : value.toLocaleString('en');
  };
}

const compiling =
  'V8 optimizes each function in each of six isolates anew, on its helper threads, and collects their garbage there: by `/proc/PID/task/*/stat` these took 0.8 of the 2.4 s of processor time of a process that runs 50,000 durable calls, its start included, and with `--no-opt` 0.2 (and half as much again in all). Compiled where it is asked for (`--no-concurrent-recompilation --trace-opt`) they are 259 functions and 0.74 s. Of the other flags that were tried (compiling later, earlier, always by the baseline compiler, without replacing what runs; collecting in one thread; semi-spaces of 1 and 16 MB) none came out of the noise.';

const latency = (of) =>
  `A function begins after four steps that nothing can leave out: loopback TCP to the server's thread (${of('floor', 'floor: loopback TCP to another thread', 'median')} ms in the run of \`floor\`), a commit on disk, since nothing is handed out that is not recorded (${of('floor', 'floor: a commit of one row', 'median')} ms), TCP to the client's thread, and a message to the thread of the function (${of('floor', 'floor: a message to another thread', 'median')} ms). Four bare threads that do these steps and nothing else take ${of('floor', 'floor: TCP, commit, TCP, message', 'median')} ms, ours in turns with them ${of('floor', 'idle latency, ms: millrace, function', 'median')}. What is beyond is ours: marks in each thread (medians of 600 that took 1.23 ms in all) lay 0.07 ms to packing where it is submitted, 0.14 to reading and deciding in the server, 0.16 to the statements beside the commit, 0.06 from there to the write, 0.16 to the client and 0.04 to the function's thread before the call; the commit was 0.32, the three wakes of threads 0.07, 0.1 and 0.07. The tail is wakes while other threads hold both cores: that of the client had a p99 of 1.6 ms, that of the function's thread 1.3. Code that runs a hundred times a second is not compiled. BullMQ has fewer steps: its worker is in the process that adds, and Redis writes to disk later; with each write on disk (\`appendfsync always\`) it takes ${of('latency', 'BullMQ, appendfsync always: submit to its own clock', 'median')} ms.`;

/** By the name of the bar. */
const reasons = {
  '/bin/true against xargs -P2': (of) =>
    `Two bare shells that read lines take ${of('floor', '/bin/true: floor: two shells that read lines', 'CPU µs/task')} µs of processor time a command, with both streams in the same files again and again ${of('floor', '/bin/true: floor: the same, output to the same files again', 'CPU µs/task')}, with new files that are removed ${of('floor', '/bin/true: floor: the same, output to new files', 'CPU µs/task')}, \`xargs -P2\` in turns with them ${of('floor', '/bin/true: xargs -P2', 'CPU µs/task')}: forking from a shell and keeping the output alone is all that \`xargs\` takes and more. Ours takes ${of('floor', '/bin/true: millrace', 'CPU µs/task')}: what is beyond the shells is the record, a server, a client and a submitter that wake for each command on the cores on which the commands run. By \`/proc/PID/task/*/schedstat\` and the times of the slots, in the midst of 6,500 commands at 1,230 a second: the processes of a command 1,200 µs, the client's thread 148, V8's helpers 40, the server's thread 35, the host's 26, half of which is the measuring. By \`perf\` some 480 of the 1,200 are CPUID in the loader of each new program, which the host of a virtual machine answers (\`xargs\` has them too). Two new files are 20 to 480 more than the same ones again, by what was deleted on that disk of late: an ext4 without a journal looks past every such inode (to make a file took 3 µs in one folder and 108 in another; in memory 2). They are new because a process that a command leaves behind may still write into the old ones, and nothing tells cheaply whether one does; named pipes would tell, and bare shells were as quick with them as without output, but a program can tell them from files, and a process left behind would wait or die. The fork is 110: a shell that starts a program by \`vfork\` says that a signal ended it in the program's own stderr, where a script may have written the same. A seventh of both cores is idle, and no line that comes sooner fills it: in turns on a quiet machine (medians of 5 to 6 runs of 2,500) 1,101 a second and 15 % idle as it is, 1,142 and 15 % with eight commands handed to a slot together, 1,076 and 15 % with the next line in the shell before the last command had ended, at 1,538, 1,457 and 1,567 µs, which is the spread of the runs. 0.9 of \`xargs\` would be some 1,300 µs in all, on two cores that never wait.`,
  'durable functions a second': (of) =>
    `${compiling} SQLite alone, with the texts made before, takes ${of('floor', 'durable functions: floor: SQLite alone, 500 rows a commit', 'CPU µs/task')} µs of the ${of('floor', 'durable functions: millrace', 'CPU µs/task')} µs that a call takes, the bare messages to two threads and back ${of('floor', 'durable functions: floor: calls to two threads and back', 'CPU µs/task')}. The disk is not waited for: with no sync of the log at all, or with syncs beside the server's thread, as many calls end; nor is it the size of a page (8 and 16 KiB). When all is compiled a call takes less: ${of('floor', 'durable functions: millrace, four times as many', 'CPU µs/task')} µs each for 200,000 of them. 60,000 a second on two cores are 33 µs a call, warming up included.`,
  'durable functions against graphile-worker': (of) =>
    `graphile-worker takes ${of('functions', 'functions, SQLite: graphile-worker', 'CPU µs/task')} µs a call: its batch runs in the process that asks, in its one thread, and PostgreSQL, which is compiled, does the rest. Ours takes ${of('functions', 'functions, SQLite: millrace', 'CPU µs/task')} µs with a thread for each function, so on two full cores 2.5 times its rate would need some 30 µs, of which SQLite alone is ${of('floor', 'durable functions: floor: SQLite alone, 500 rows a commit', 'CPU µs/task')}.`,
  'durable functions, resident MB of all parts': (of) =>
    `Node alone has ${of('floor', 'floor: node alone', 'peak')} MB, with five threads that have loaded nothing ${of('floor', 'floor: with five threads that have loaded nothing', 'peak')}; server, client, submitter and two threads of functions after their first two calls ${of('floor', 'millrace, two functions', 'peak')}, at the end of 50,000 ${of('floor', 'millrace, 50,000 functions', 'peak')}. What comes on top is the garbage of six isolates (of a peak of 233 MB 138 are pages of V8's heaps, 45 the program of Node, 35 of malloc, by \`/proc/PID/smaps\`; semi-spaces of 1 MB everywhere, which only the program that starts may ask for, took 26 MB off), the window of 8,192 tasks at the server, 2,048 ahead at the client, and SQLite's cache of 4 MB. Three quarters of that window and half of what is ahead saved 6 MB and cost a tenth of the rate.`,
  'functions a second in memory, one process': (of) =>
    `${compiling} The bare calls to two threads and their ends back make ${of('floor', 'functions in memory: floor: calls to two threads and back', 'rate')} a second at ${of('floor', 'functions in memory: floor: calls to two threads and back', 'CPU µs/task')} µs, without a task, a lease or a record; ours takes ${of('floor', 'functions in memory: millrace, runLocal', 'CPU µs/task')} µs, and ${of('floor', 'functions in memory: millrace, runLocal, four times as many', 'CPU µs/task')} when four times as many have warmed it up (${of('floor', 'functions in memory: millrace, runLocal, four times as many', 'rate')} a second). Server and client in one thread, with nothing packed between them, took a sixth less processor time and made no more a second: one thread then does alone what two did. 150,000 a second on two cores would be 13 µs, all of the messages, turns and records included.`,
  'idle submit to start of a function, median ms': latency,
  'idle submit to start of a function, p99 ms': (of) =>
    `As the median: the commit alone had a p99 of ${of('floor', 'floor: a commit of one row', 'p99')} ms in that run, a message to a thread ${of('floor', 'floor: a message to another thread', 'p99')}, the four bare steps ${of('floor', 'floor: TCP, commit, TCP, message', 'p99')}, ours ${of('floor', 'idle latency, ms: millrace, function', 'p99')}. By \`perf sched\` it is one call in a hundred whose woken thread waits 2 to 4 ms: the kernel put it on the core on which a helper thread of V8 compiles or collects, and it waits until that one's slice has ended, also while the other core idles.`,
  '% longer from commit to end, median, beside 1000 queries a second': (of) =>
    `The process took ${of('gateway', 'beside queries', '% of the CPU')} % of both cores beside the queries, ${of('gateway', 'alone', '% of the CPU')} % alone, and ${of('gateway', 'beside as many to a bare node:http', '% of the CPU')} % where a bare \`node:http\` answered as many: reading SQLite, making and packing the JSON is what the rest goes to, and with the process that asks the cores are full, so that tasks overlap and wait for each other. As many tasks end all the same.`,
  'tasks of a fan-in a second: 50 µs each': () =>
    'It is warming up: 10,000 tasks are a third of a second of a process that has run 100 before: 34 µs a task as the median of seven, where a layered graph of ten times as many, which has ten times as long to be compiled, took 16. Of 0.34 s the submission takes 0.12. Before the last cuts 0.49 of 0.89 s of processor time were those of V8, which compiles and collects in four threads of its own beside ours (`/proc/self/task/*/schedstat`); with `--no-opt` it was a quarter less in all. Two cores that are busy with something else miss the bar.',
  'idle submit to start, median against BullMQ': () =>
    'As the median: BullMQ commits nothing to disk before its answer, and runs the job in the process that adds it.',
};

/** Lines for the bars that are missed; those that nobody has looked into are named. */
export function limits(bars, rows) {
  const of = figures(rows);
  return bars
    .filter(({ met }) => !met)
    .map(({ bar }) => `- **${bar}**: ${reasons[bar]?.(of) ?? 'not profiled.'}`)
    .join('\n');
}

/**
 * The tasks of a run: task `n` of a seed is always the same, so whoever examines the store knows what each must have become.
 *
 * Each task notes its run as a line `n:attempt:client` in a file: a shell command names its client's id, a function its process.
 */
import { mixed } from './random.mjs';

const functions = new URL('./fixtures/functions.mjs', import.meta.url).href;

/** What task `n` does and how it must end. `style`: `'all'` kinds, `'shell'` no functions, `'forkless'` functions and commands that start nothing, `'lean'` the latter only. */
export function plan(seed, n, style = 'all') {
  const next = mixed(seed, n);
  const draw = next();
  const slow = next() < 0.2 ? (next() * 0.25).toFixed(3) : null;
  const status = next() < 0.1 ? 1 + Math.floor(next() * 5) : 0;
  const forks = style === 'all' || style === 'shell';
  if (draw < 0.1 && (style === 'all' || style === 'forkless'))
    return { kind: 'function', ms: slow === null ? 0 : slow * 1000, value: n * 2, outcome: 'succeeded', exitStatus: 0 };
  if (forks) {
    if (draw < 0.13) return { kind: 'endless', timeout: 0.2, outcome: 'timeout' };
    if (draw < 0.15) return { kind: 'killed', outcome: 'failed', signal: 'SIGKILL', exitStatus: null };
    if (draw < 0.19) return { kind: 'long', outcome: 'succeeded', exitStatus: 0, stdout: `${'long '.repeat(4_000)}${n}\n` };
  }
  const outcome = status === 0 ? 'succeeded' : 'failed';
  return { kind: 'plain', slow: forks ? slow : null, outcome, exitStatus: status, stdout: `out ${n}\n` };
}

/** Task `n` as it is submitted. `keyed`: submitting it again adds nothing. */
export function taskOf({ seed, runs, keyed = false, style = 'all' }, n) {
  const wanted = plan(seed, n, style);
  const common = { tags: { n }, ...(keyed ? { key: `task ${n}` } : {}) };
  if (wanted.kind === 'function') return { module: functions, name: 'work', args: [n, wanted.ms, runs], ...common };
  const note = `echo ${n}:$TASK_ATTEMPT:$TASK_CLIENT_ID >> ${runs} || exit 99`;
  switch (wanted.kind) {
    case 'endless':
      return { args: `${note}; sleep 600`, timeout: wanted.timeout, ...common };
    case 'killed':
      return { args: `${note}; kill -KILL $$`, ...common };
    case 'long':
      return { args: `${note}; i=0; while [ $i -lt 4000 ]; do i=$((i + 1)); printf 'long '; done; echo ${n}`, ...common };
    default:
      return {
        args: `${note}; ${wanted.slow === null ? '' : `sleep ${wanted.slow}; `}echo out ${n}; exit ${wanted.exitStatus}`,
        ...common,
      };
  }
}

/** Why a record is not what its task must have become; null: it is. */
export function mistake(wanted, record) {
  if (record.outcome !== wanted.outcome) return `ended as ${record.outcome}, not ${wanted.outcome}`;
  if (wanted.exitStatus !== undefined && wanted.kind !== 'function' && record.exitStatus !== wanted.exitStatus)
    return `has status ${record.exitStatus}, not ${wanted.exitStatus}`;
  if (wanted.signal !== undefined && record.signal !== wanted.signal) return `has signal ${record.signal}, not ${wanted.signal}`;
  if (wanted.stdout !== undefined && String(record.stdout) !== wanted.stdout)
    return `has output ${JSON.stringify(String(record.stdout).slice(0, 40))}…, ${record.stdout?.length ?? 0} bytes instead of ${wanted.stdout.length}`;
  if (wanted.value !== undefined && record.value !== wanted.value) return `has value ${record.value}, not ${wanted.value}`;
  return null;
}

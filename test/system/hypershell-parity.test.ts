/**
 * The table of what HyperShell's library (2.8.2) offers is complete, and each row names a test that is there. That each of them ran and passed in
 * the same run is seen by `test/support/parity-reporter.ts`, which fails the run else.
 */
import { holdParityTable } from '../support/parity-suite.ts';
import { parityTable, readParityTable } from '../support/parity-table.ts';

/** The parameters of each callable, as its signatures have them. */
const signatures: Readonly<Record<string, string>> = {
  SubmitThread: 'source cores memory timeout bundlesize bundlewait template group tags task_count',
  LiveSubmitThread: 'source queue_config template cores memory timeout group bundlesize bundlewait tags task_count',
  submit_from: 'source queue_config bundlesize bundlewait cores memory timeout group template tags',
  submit_file: 'path queue_config bundlesize bundlewait template cores memory timeout group tags file_options',
  ServerThread:
    'source task_cores task_memory task_timeout bundlesize bundlewait in_memory no_confirm poll forever_mode restart_mode address auth max_retries eager redirect_failures evict_after tls',
  serve_from: 'source restart_mode',
  serve_file: 'path file_options',
  serve_forever: 'in_memory',
  ClientThread:
    'num_threads bundlesize bundlewait address auth template redirect_output redirect_errors heartrate capture monitor cores memory delay_start no_confirm client_timeout task_timeout task_signalwait ratelimit tls',
  run_client: 'client_timeout',
  run_local: 'source',
  data: 'initdb checkdb ensuredb truncatedb vacuumdb rotatedb',
};

const columns =
  'id group args submit_id submit_host submit_time cores memory timeout cores_max memory_max server_id server_host schedule_time client_id client_host command start_time completion_time exit_status outpath errpath csvpath attempt retried previous_id next_id waited duration tag';
const methods =
  'query count add update delete from_id to_json Task.new split_argline ensure_valid_tag current_group increment_group select_new select_failed next count_remaining count_interrupted select_interrupted revert revert_interrupted cancel select_orphaned revert_orphaned effective_rate avg_duration time_to_completion Client.count_connected';
const patterns = '{} {.} {..} {/} {/-} {-} {+} {++} {[i]} {[a:b:c]} {%cmd%} {=expr=} {name} {slot}';

const defects = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 19, 20, 21, 23];

const statements = [
  ...Object.entries(signatures).flatMap(([callable, names]) => names.split(' ').map((name) => `${callable}.${name}`)),
  ...columns.split(' ').map((name) => `column ${name}`),
  ...methods.split(' ').map((name) => `method ${name}`),
  ...patterns.split(' ').map((name) => `template ${name}`),
  ...defects.map((number) => `defect ${number}`),
];

holdParityTable(readParityTable(parityTable), statements);

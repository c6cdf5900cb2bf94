/** Loads what runs the tasks of graphs: it brings functions' threads and programs' shells of its own, which a client without graphs needs not. */
import type { GraphTaskRunner } from '../graph-task-runner.ts';
import type { RunnerOptions } from '../runner-options.ts';

export async function loadGraphRunner(options: Omit<RunnerOptions, 'output'>): Promise<GraphTaskRunner> {
  const { createGraphRunner } = await import('../executors/graph/graph-runner.ts');
  return createGraphRunner(options);
}

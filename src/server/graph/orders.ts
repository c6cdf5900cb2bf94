/** What the graph decided for a client, as it travels, and how its ends come back. */
import type { ClientOrders, RunEnd } from '../../graph/effects.ts';
import type { GraphObject, GraphTask } from '../../graph/entities.ts';
import type { WireEnd, WireInput, WireOrders, WireOutput, WireRun } from '../../protocol/graph-work.ts';

/** A constant of at most so many bytes travels with the task that reads it. */
const withTask = 64 * 1024;

/** `bytesOf`: of a constant, when it is one small enough to travel along. */
export function wireOrders(orders: ClientOrders, acknowledged: number, bytesOf: (object: GraphObject) => Uint8Array | null): WireOrders {
  const { client, refused, cancel, drop, run, forget, recall } = orders;
  const runs = run.map((task) => {
    const inputs = task.inputs.map((object, place) => wireInput(task, object, place, client.held.has(object.n) ? null : bytesOf(object)));
    return wireRun(task, inputs);
  });
  return { acknowledged, refused, cancel, drop, runs, forget, recall };
}

export function travels(object: GraphObject): boolean {
  return object.constant && object.size <= withTask;
}

function wireInput(task: GraphTask, object: GraphObject, place: number, bytes: Uint8Array | null): WireInput {
  const { n, id, spec, size, contentType, info } = object;
  const label = (task.spec[3][2 * place + 1] ?? null) as string | null;
  return [n, id, label, spec[2], contentType ?? spec[5]?.contentType ?? null, size, bytes, spec[5]?.attributes ?? null, info];
}

function wireRun(task: GraphTask, inputs: readonly WireInput[]): WireRun {
  const [id, type, config, , , more] = task.spec;
  const outputs = task.outputs.map(
    ({ n, id: object, spec }): WireOutput => [n, object, spec[1], spec[2], spec[5]?.contentType ?? null, spec[5]?.attributes ?? null],
  );
  if (more === null) return [task.run, task.session.n, id, type, config, inputs, outputs, null];
  const { priority: _, resources, ...rest } = more;
  return [
    task.run,
    task.session.n,
    id,
    type,
    config,
    inputs,
    outputs,
    resources === undefined ? rest : { ...rest, resources: { ...resources } },
  ];
}

export function runEnd(end: WireEnd): RunEnd {
  switch (end[1]) {
    case 0: {
      const [run, , outputs, info, debug, startedAt, durationMs] = end;
      return { run, outputs, info, debug, startedAt, durationMs };
    }
    case 1: {
      const [run, , code, message, debug, stderr, startedAt, durationMs] = end;
      return { run, failure: { code, message, debug, stderr }, startedAt, durationMs };
    }
    default:
      return { run: end[0], lost: end[2] };
  }
}

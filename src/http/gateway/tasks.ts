/** The operations on tasks: submit, find, look at one, cancel, retry, and results as a stream. */
import type { Buffer } from 'node:buffer';
import type { Clock } from '../../base/clock.ts';
import { reasonOf } from '../../base/errors.ts';
import { mostOutput, someOutput } from '../../protocol/running-output.ts';
import type { Backend, Chunks, QueryFields } from './backend.ts';
import { chunksOf, utf8Of } from './body.ts';
import { writePiece } from './flow.ts';
import { answer, type Call, json, noReply, type Operation, type Parameter, type Schema } from './operation.ts';
import { Refusal } from './problem.ts';
import { outputJson, taskJson } from './task-json.ts';

const states = ['waiting', 'ready', 'leased', 'running', 'done'];
const outcomes = ['succeeded', 'failed', 'cancelled', 'timeout', 'lost', 'rejected'];
const orders = ['n', 'submittedAt', 'completedAt', 'durationMs', 'priority'];
const mostTasks = 1_000;
const linesType = 'application/x-ndjson';

const query = (name: string, type: Parameter['type'], description: string, more: Partial<Parameter> = {}): Parameter => ({
  name,
  in: 'query',
  type,
  description,
  ...more,
});
const id: Parameter = { name: 'id', in: 'path', type: 'text', description: 'The id of a task' };

const filters: readonly Parameter[] = [
  query('state', 'text', 'The state of the tasks', { values: states }),
  query('outcome', 'text', 'How they ended', { values: outcomes }),
  query('group', 'integer', 'The phase that they belong to'),
  query('id', 'texts', 'The id of a task; may be given many times'),
  query('tag', 'texts', "A tag that they have: 'key' or 'key:value'; may be given many times"),
  query('where', 'texts', "A condition such as 'exitStatus != 0' or 'args ~ ^test'; may be given many times"),
];

const task: Schema = { $ref: '#/components/schemas/Task' };
const counted: Operation['answer'] = {
  status: 200,
  type: 'application/json',
  description: 'How many tasks',
  schema: { type: 'object', required: ['count'], properties: { count: { type: 'integer' } } },
};
const one = (description: string): Operation['answer'] => answer(description, task);

/** The body of cancel and retry: the fields of a query. */
const which: NonNullable<Operation['body']> = {
  description: 'Which tasks: fields of a query, as `server.cancel` takes them; {} means all',
  types: ['application/json'],
  schema: { $ref: '#/components/schemas/Query' },
};

/** Query parameters as fields of a query. */
function fieldsOf({ id: ids, tag: tags, ...others }: Readonly<Record<string, unknown>>): QueryFields {
  return { ...others, ...(ids === undefined ? {} : { ids }), ...(tags === undefined ? {} : { tags }) };
}

async function bodyQuery(call: Call): Promise<QueryFields> {
  const value = parsed(await call.body());
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(400, 'the body must be an object of fields of a query, such as { "state": "ready" }; {} means all tasks');
  return value as QueryFields;
}

function parsed(body: Buffer): unknown {
  const text = utf8Of(body);
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new Refusal(400, `the body is no JSON: ${reasonOf(thrown)}`);
  }
}

/** JSON of one task or a list of them, as lines. */
function linesOf(body: Buffer): Chunks {
  const value = parsed(body);
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  return chunksOf(...list.map((item) => `${JSON.stringify(item)}\n`));
}

export function taskOperations(backend: Backend, clock: Clock): readonly Operation[] {
  const changed = async (count: Promise<number>): Promise<ReturnType<typeof json>> => json({ count: await count });
  return [
    {
      id: 'submitTasks',
      method: 'post',
      path: '/api/tasks',
      summary: 'Submit tasks; answered after they are committed. Lines are read no faster than they are stored, so there may be any number',
      parameters: [
        query('template', 'text', 'What is made of each line'),
        query('key', 'text', 'Give each task a key made of its content', { values: ['content'] }),
        query('group', 'integer', 'Phase of tasks that name none', { most: 1_000_000 }),
        query('priority', 'integer', 'Priority of tasks that name none', { least: -1_000_000, most: 1_000_000 }),
        query('maxRetries', 'integer', 'Further attempts of tasks that name none', { most: 1_000_000 }),
        query('timeout', 'text', 'Longest run of tasks that name none'),
        query('strict', 'flag', 'A malformed task ends the submission; what came before stays'),
        query('tag', 'texts', "Added to every task: 'key:value'"),
      ],
      body: {
        description: 'A task in each line: a text is a command line, an object has its options. As application/json one task or a list',
        types: [linesType, 'application/json'],
        schema: { $ref: '#/components/schemas/Tasks' },
      },
      answer: { status: 201, type: 'application/json', description: 'What became of it', schema: { $ref: '#/components/schemas/Receipt' } },
      refusals: [400, 408, 413, 415],
      async run(call) {
        const type = (call.incoming.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
        if (type !== linesType && type !== 'application/json')
          throw new Refusal(415, `tasks are sent as ${linesType}, one JSON value a line, or as application/json`);
        const { tag, ...options } = call.parameters;
        const lines = type === linesType ? await call.stream() : linesOf(await call.body());
        return json(
          await backend.submit(
            lines,
            tag === undefined ? options : { ...options, tags: tagsOf(tag as string[]) },
            call.signal(),
            call.incoming.headers,
          ),
          201,
        );
      },
    },
    {
      id: 'findTasks',
      method: 'get',
      path: '/api/tasks',
      summary: 'Find tasks, a page at a time, in the order of their acceptance unless told otherwise',
      parameters: [
        ...filters,
        query('orderBy', 'text', 'By what they are ordered', { values: orders }),
        query('desc', 'flag', 'The other way round'),
        query('limit', 'integer', 'At most so many; 100 if not given', { most: mostTasks }),
        query('after', 'text', 'The `next` of the page before'),
        query('output', 'flag', 'With output and values'),
      ],
      answer: {
        status: 200,
        type: 'application/json',
        description: 'A page, which may be shorter than asked for; `next` is null where there is no other',
        schema: {
          type: 'object',
          required: ['tasks', 'next'],
          properties: { tasks: { type: 'array', items: task }, next: { type: ['string', 'null'] } },
        },
      },
      refusals: [400],
      async run({ parameters: { after, output, limit, ...others } }) {
        const whole = output === true;
        const page = await backend.page({ ...fieldsOf(others), limit: limit ?? 100 }, (after as string | undefined) ?? null, !whole);
        return json({ tasks: page.tasks.map((found) => taskJson(found, whole)), next: page.next });
      },
    },
    {
      id: 'countTasks',
      method: 'get',
      path: '/api/count',
      summary: 'How many tasks a query names',
      parameters: filters,
      answer: counted,
      refusals: [400],
      run: async ({ parameters }) => json({ count: await backend.count(fieldsOf(parameters)) }),
    },
    {
      id: 'getTask',
      method: 'get',
      path: '/api/tasks/{id}',
      summary: 'A task with its output',
      parameters: [id],
      answer: one('The task'),
      refusals: [400, 404],
      async run({ parameters }) {
        const found = await backend.get(parameters.id as string);
        if (found === null) throw new Refusal(404, 'no task has this id');
        return json(taskJson(found, true));
      },
    },
    {
      id: 'getHistory',
      method: 'get',
      path: '/api/tasks/{id}/history',
      summary: 'Its recorded attempts, oldest first',
      parameters: [id],
      answer: answer('Attempts', { type: 'array', items: { $ref: '#/components/schemas/Attempt' } }),
      refusals: [400, 404],
      run: async ({ parameters }) => json((await backend.history(parameters.id as string)).map((attempt) => taskJson(attempt, true))),
    },
    {
      id: 'explainTask',
      method: 'get',
      path: '/api/tasks/{id}/explanation',
      summary: 'Why it does not run',
      parameters: [id],
      answer: answer('Its state and reasons', { $ref: '#/components/schemas/Explanation' }),
      refusals: [400, 404],
      run: async ({ parameters }) => json(await backend.explain(parameters.id as string)),
    },
    {
      id: 'getOutput',
      method: 'get',
      path: '/api/tasks/{id}/output',
      summary: 'What a running command has written so far: the end of each stream, as its client has it now',
      parameters: [id, query('limit', 'integer', `Bytes of each stream; ${someOutput} if not given`, { least: 1, most: mostOutput })],
      answer: answer(
        '`stdout` and `stderr` as text, else `stdoutBase64`, `stderrBase64`; absent where they are not kept. `cut` names those that have more in front',
        { $ref: '#/components/schemas/Output' },
      ),
      // No refusal: whoever follows a command asks once more after it has ended, and browsers write each refusal to their console.
      nothing: 'It does not run: what it has written, if it has run, stands in its record',
      refusals: [400, 404],
      async run({ parameters: { id: name, limit = someOutput } }) {
        const found = await backend.output(name as string, limit as number);
        return found === null ? noReply : json(outputJson(found));
      },
    },
    ...(['cancel', 'retry'] as const).flatMap((action): Operation[] => [
      {
        id: `${action}Task`,
        method: 'post',
        path: `/api/tasks/{id}/${action}`,
        summary: action === 'cancel' ? 'Cancel it; what runs is then being killed' : 'Queue it again, if it ended without success',
        parameters: [id],
        answer: counted,
        refusals: [400, 404],
        async run({ parameters }) {
          if ((await backend.get(parameters.id as string)) === null) throw new Refusal(404, 'no task has this id');
          return changed(backend[action]({ ids: [parameters.id] }));
        },
      },
      {
        id: `${action}Tasks`,
        method: 'post',
        path: `/api/${action}`,
        summary: action === 'cancel' ? 'Cancel the tasks of a query' : 'Queue the tasks of a query again that ended without success',
        body: which,
        answer: counted,
        refusals: [400, 408, 413, 415],
        run: async (call) => changed(backend[action](await bodyQuery(call))),
      },
    ]),
    {
      id: 'streamResults',
      method: 'get',
      path: '/api/results',
      endless: true,
      summary: 'Results as they are recorded, a line of JSON each; ends after the last one of the run, or after `count`',
      parameters: [
        query('order', 'text', 'In which order', { values: ['completed', 'input'] }),
        query('count', 'integer', 'At most so many'),
        query('output', 'flag', 'With output and values; true if not given'),
      ],
      answer: { status: 200, type: linesType, description: 'A result in each line', schema: { type: 'string' } },
      refusals: [400],
      async run({ outgoing, parameters: { order, count = Number.POSITIVE_INFINITY, output = true } }) {
        const results = backend.results(order as string | undefined);
        // A reader that leaves while nothing is recorded must be let go of at once.
        outgoing.once('close', () => void results.return?.());
        outgoing.writeHead(200, { 'content-type': linesType, 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
        outgoing.flushHeaders();
        try {
          for (let left = count as number; left > 0; left -= 1) {
            const next = await results.next();
            if (next.done === true) break;
            if (!(await writePiece(outgoing, `${JSON.stringify(taskJson(next.value, output === true))}\n`, clock))) break;
          }
          outgoing.end();
        } catch {
          // The head has gone: that the stream was cut off tells that it is not whole.
          outgoing.destroy();
        } finally {
          void results.return?.();
        }
        return null;
      },
    },
  ];
}

function tagsOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const colon = text.indexOf(':');
      return colon === -1 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
    }),
  );
}

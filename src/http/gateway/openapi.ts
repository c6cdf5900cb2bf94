/** The OpenAPI document, made of the operations that are served. */
import { nodeStates } from '../../protocol/graph-views.ts';
import type { Operation, Parameter, Schema } from './operation.ts';

const texts: Readonly<Record<number, string>> = {
  400: 'The request is malformed; the text says what to change',
  401: 'It has to be signed, or needs a token',
  403: 'Whoever asks may not',
  404: 'There is no such thing',
  405: 'Not by this method; see Allow',
  408: 'The body did not come',
  413: 'The body is too long',
  415: 'The body is of a type that is not read here',
  421: 'The server does not answer under that name',
  500: 'A defect, or a handler of a route that threw',
  503: 'The server ends, or its database cannot be written',
};

const integer: Schema = { type: 'integer' };
const text: Schema = { type: 'string' };
const textOrNull: Schema = { type: ['string', 'null'] };
const numberOrNull: Schema = { type: ['number', 'null'] };
const tags: Schema = { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean', 'null'] } };

function object(properties: Readonly<Record<string, Schema>>, required: readonly string[] = Object.keys(properties)): Schema {
  return { type: 'object', required, properties };
}

const state: Schema = { type: 'string', enum: ['waiting', 'ready', 'leased', 'running', 'done'] };

/** What an attempt leaves, and a task has of its last one. */
const ended: Readonly<Record<string, Schema>> = {
  attempt: integer,
  command: textOrNull,
  outcome: { type: 'string', enum: ['succeeded', 'failed', 'cancelled', 'timeout', 'lost', 'rejected'] },
  exitStatus: { type: ['integer', 'null'] },
  signal: textOrNull,
  stdout: text,
  stderr: text,
  stdoutBase64: { type: 'string', contentEncoding: 'base64' },
  stderrBase64: { type: 'string', contentEncoding: 'base64' },
  stdoutPath: text,
  stderrPath: text,
  truncated: { type: 'boolean' },
  value: {},
  valuePath: text,
  peakCores: { type: 'number' },
  peakMemory: { type: 'number' },
  monitorPath: text,
  error: {
    anyOf: [
      object({ name: text, message: text, code: textOrNull, stack: textOrNull, cause: {} }, ['name', 'message', 'code', 'stack']),
      { type: 'null' },
    ],
  },
  clientId: textOrNull,
  clientHost: textOrNull,
  slot: { type: ['integer', 'null'] },
  startedAt: numberOrNull,
  completedAt: { type: 'number' },
  waitedMs: { type: 'number' },
  durationMs: { type: 'number' },
};

const counts =
  'submitted succeeded failed cancelled timedOut lost rejected pending retried duplicatesRefused waiting ready leased running clients slots';

const schemas: Readonly<Record<string, Schema>> = {
  Error: object(
    {
      request: object({ method: text, path: text }),
      error_text: text,
      error_class: text,
      error_code: text,
      remote_call: text,
      remote_error: {},
    },
    ['request', 'error_text', 'error_class'],
  ),
  Task: object(
    {
      id: text,
      kind: { type: 'string', enum: ['shell', 'function'] },
      args: text,
      state,
      ...ended,
      group: integer,
      tags,
      submittedAt: integer,
      cores: { type: 'number' },
      memory: integer,
      timeoutMs: { type: 'number' },
      priority: integer,
      runningMs: { type: 'integer', description: 'Of one that runs: for how long' },
    },
    ['id', 'kind', 'args', 'attempt', 'group', 'tags', 'submittedAt'],
  ),
  Attempt: object(ended, ['attempt', 'outcome', 'truncated', 'error', 'completedAt']),
  Explanation: object({ id: text, state, reasons: { type: 'array', items: text } }),
  Output: object({ stdout: text, stderr: text, stdoutBase64: text, stderrBase64: text, cut: { type: 'array', items: text } }, ['cut']),
  Sample: object({ at: { type: 'number', description: 'ms since the epoch' }, perSecond: { type: 'number' }, running: integer }),
  Tasks: {
    anyOf: [
      text,
      object({ args: text, tags, group: integer, priority: integer, maxRetries: integer, timeout: text }, ['args']),
      { type: 'array', items: { anyOf: [text, object({ args: text, tags }, ['args'])] } },
    ],
  },
  Query: object(
    {
      ids: { type: 'array', items: text },
      where: { type: 'array', items: text },
      tags: { anyOf: [tags, { type: 'array', items: text }] },
      group: integer,
      state: text,
      outcome: text,
      limit: integer,
    },
    [],
  ),
  Receipt: object({
    submitted: integer,
    duplicates: integer,
    rejected: integer,
    ids: { type: ['array', 'null'], items: text, description: 'Null above 10,000' },
  }),
  Progress: object(
    {
      ...Object.fromEntries(counts.split(' ').map((name) => [name, integer])),
      tasksPerSecond: { type: 'number' },
      durationMs: { type: 'number' },
      etaMs: numberOrNull,
      stalled: object({ code: text, message: text }),
    },
    [...counts.split(' '), 'tasksPerSecond', 'durationMs', 'etaMs'],
  ),
  Client: object({
    id: text,
    host: text,
    connected: { type: 'boolean' },
    slots: integer,
    running: integer,
    leased: integer,
    cores: numberOrNull,
    memory: numberOrNull,
    silentMs: { type: 'number' },
    tags,
    certificate: { anyOf: [object({ name: text, fingerprint: text }), { type: 'null' }] },
  }),
  Session: object({
    session: integer,
    name: text,
    persistent: { type: 'boolean' },
    attached: { type: 'boolean' },
    state: { type: 'string', enum: ['open', 'failed'] },
    openedAt: integer,
    nodes: integer,
    progress: object(
      Object.fromEntries('waiting ready running finished failed recomputed objects bytes'.split(' ').map((name) => [name, integer])),
    ),
    failure: { type: ['object', 'null'] },
  }),
  GraphNode: object({
    id: integer,
    kind: { type: 'string', enum: ['task', 'object'] },
    name: textOrNull,
    type: textOrNull,
    state: { type: 'string', enum: nodeStates },
    client: textOrNull,
    inputs: integer,
    outputs: integer,
    startedAt: numberOrNull,
    durationMs: numberOrNull,
    size: { type: ['integer', 'null'] },
    failure: textOrNull,
  }),
  Name: object({
    name: text,
    uri: text,
    metadata: { type: 'array', items: text },
    lease: { type: ['integer', 'null'], description: 'ms that it lives after `renewedAt`; null: until it is removed' },
    renewedAt: integer,
  }),
};

const errorContent = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };

/** `secured`: keys are asked for. */
export function openApiDocument(operations: readonly Operation[], secured: boolean): Schema {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    paths[operation.path]![operation.method] = described(operation, secured);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Millrace server',
      version: '1',
      description: 'Tasks, clients, progress and events of a running server. Routes of its user stand beside these.',
    },
    paths,
    components: {
      schemas,
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        signature: {
          type: 'apiKey',
          in: 'header',
          name: 'Authorization',
          description: 'A signature by login and key, as `new Client(host, { login, key })` of millrace/http makes it',
        },
      },
    },
  };
}

function described({ id, summary, open, parameters = [], body, answer, nothing, refusals = [] }: Operation, secured: boolean): Schema {
  const closed = secured && open !== true;
  const refused = [...refusals, ...(closed ? [401] : []), 403, 421, 500, 503];
  return {
    operationId: id,
    summary,
    security: closed ? [{ token: [] }, { signature: [] }] : [],
    ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameterOf) }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            description: body.description,
            content: Object.fromEntries(body.types.map((type) => [type, { schema: body.schema }])),
          },
        }),
    responses: {
      [answer.status]: { description: answer.description, content: { [answer.type]: { schema: answer.schema } } },
      ...(nothing === undefined ? {} : { 204: { description: nothing } }),
      ...Object.fromEntries(refused.map((status) => [status, { description: texts[status] ?? '', content: errorContent }])),
    },
  };
}

function parameterOf({ name, in: place, type, description, values, least, most, required = place === 'path' }: Parameter): Schema {
  const one: Schema =
    type === 'integer'
      ? { type, minimum: least ?? 0, ...(most === undefined ? {} : { maximum: most }) }
      : type === 'flag'
        ? { type: 'boolean' }
        : { type: 'string', ...(values === undefined ? {} : { enum: values }) };
  return { name, in: place, required, description, schema: type === 'texts' ? { type: 'array', items: one } : one };
}

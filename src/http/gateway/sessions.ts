/** The operations on sessions of task graphs: look at them, at the graph of one, and close it. */
import { mostLinks, mostShown } from '../../protocol/graph-views.ts';
import type { Backend } from './backend.ts';
import { answer, json, type Operation, type Parameter, type Schema } from './operation.ts';
import { Refusal } from './problem.ts';

const session: Parameter = { name: 'session', in: 'path', type: 'integer', description: 'The number of a session' };
const page: readonly Parameter[] = [
  { name: 'limit', in: 'query', type: 'integer', description: 'At most so many; 100 if not given', least: 1, most: mostShown },
  { name: 'from', in: 'query', type: 'integer', description: 'The `next` of the page before' },
];
const next: Schema = { type: ['integer', 'null'] };

export function sessionOperations(backend: Backend): readonly Operation[] {
  return [
    {
      id: 'listSessions',
      method: 'get',
      path: '/api/sessions',
      summary: 'Sessions of task graphs that are open, a page at a time',
      parameters: page,
      answer: answer('A page, by number; `next` is null where there is no other', {
        type: 'object',
        required: ['sessions', 'next'],
        properties: { sessions: { type: 'array', items: { $ref: '#/components/schemas/Session' } }, next },
      }),
      refusals: [400],
      run: async ({ parameters: { from = 0, limit = 100 } }) =>
        json(await backend.sessions({ from: from as number, limit: limit as number })),
    },
    {
      id: 'getSession',
      method: 'get',
      path: '/api/sessions/{session}',
      summary: 'A session: its state, and counts of its tasks and objects',
      parameters: [session],
      answer: answer('The session', { $ref: '#/components/schemas/Session' }),
      refusals: [400, 404],
      async run({ parameters }) {
        const [found] = (await backend.sessions({ from: parameters.session as number, limit: 1 })).sessions;
        if (found?.session !== parameters.session) throw new Refusal(404, 'no session has this number: it was closed, or there was none');
        return json(found);
      },
    },
    {
      id: 'getSessionGraph',
      method: 'get',
      path: '/api/sessions/{session}/graph',
      summary: 'Tasks and objects of a session in the order of their submission, with the links of the tasks among them, a page at a time',
      parameters: [session, ...page],
      answer: answer(
        `A page of at most ${mostLinks} links, which may lead out of it; where a task has more \`inputs\` and \`outputs\` tell how many it has`,
        {
          type: 'object',
          required: ['nodes', 'edges', 'next'],
          properties: {
            nodes: { type: 'array', items: { $ref: '#/components/schemas/GraphNode' } },
            edges: { type: 'array', items: { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 } },
            next,
          },
        },
      ),
      refusals: [400, 404],
      run: async ({ parameters: { session: number, from = 0, limit = 100 } }) =>
        json(await backend.sessionGraph(number as number, { from: from as number, limit: limit as number })),
    },
    {
      id: 'closeSession',
      method: 'post',
      path: '/api/sessions/{session}/close',
      summary: 'Close it: its tasks end, its objects go, and the program that has it is told so',
      parameters: [session],
      answer: answer('It is closed', { type: 'object', required: ['closed'], properties: { closed: { type: 'boolean' } } }),
      refusals: [400, 404],
      async run({ parameters }) {
        await backend.closeSession(parameters.session as number);
        return json({ closed: true });
      },
    },
  ];
}

/** The operations on names of remote objects. A name stands in the query: it may have slashes and dots, which a path must not. */
import type { Backend } from './backend.ts';
import { answer, json, type Operation, type Parameter } from './operation.ts';
import { Refusal } from './problem.ts';

const name: Parameter = { name: 'name', in: 'query', type: 'text', description: 'The name of an object', required: true };

export function nameOperations(backend: Backend): readonly Operation[] {
  return [
    {
      id: 'listNames',
      method: 'get',
      path: '/api/names',
      summary: 'Names of remote objects, ascending, a page at a time',
      parameters: [
        { name: 'prefix', in: 'query', type: 'text', description: 'What they begin with' },
        { name: 'limit', in: 'query', type: 'integer', description: 'At most so many; 100 if not given', least: 1, most: 1_000 },
        { name: 'after', in: 'query', type: 'text', description: 'The `next` of the page before' },
      ],
      answer: answer('A page; `next` is null where there is no other', {
        type: 'object',
        required: ['names', 'next'],
        properties: { names: { type: 'array', items: { $ref: '#/components/schemas/Name' } }, next: { type: ['string', 'null'] } },
      }),
      refusals: [400],
      run: async ({ parameters: { prefix = '', after = null, limit = 100 } }) =>
        json(await backend.names(prefix as string, after as string | null, limit as number)),
    },
    {
      id: 'lookUpName',
      method: 'get',
      path: '/api/names/lookup',
      summary: 'What is kept for a name',
      parameters: [name],
      answer: answer('The name with its URI and tags', { $ref: '#/components/schemas/Name' }),
      refusals: [400, 404],
      async run({ parameters }) {
        const found = await backend.name(parameters.name as string);
        if (found === null) throw new Refusal(404, 'no object has this name');
        return json(found);
      },
    },
    {
      id: 'removeName',
      method: 'post',
      path: '/api/names/remove',
      summary: 'Forget a name; its object stays where it is',
      parameters: [name],
      answer: answer('It is forgotten', { type: 'object', required: ['removed'], properties: { removed: { type: 'boolean' } } }),
      refusals: [400, 404],
      async run({ parameters }) {
        if (!(await backend.removeName(parameters.name as string))) throw new Refusal(404, 'no object has this name');
        return json({ removed: true });
      },
    },
  ];
}

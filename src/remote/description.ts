/** What a remote object says of itself: the answer to `bind`. */
import { MillraceError } from '../base/errors.ts';

export interface Description {
  readonly methods: ReadonlySet<string>;
  readonly attributes: ReadonlySet<string>;
  readonly oneway: ReadonlySet<string>;
  readonly idempotent: ReadonlySet<string>;
}

/** @throws ERR_PROTOCOL */
export function descriptionOf(answer: unknown): Description {
  const lists = Array.isArray(answer) ? (answer as unknown[]) : [];
  const [methods, attributes, oneway, idempotent] = lists.map((names) => new Set(Array.isArray(names) ? (names as string[]) : []));
  if (methods === undefined || attributes === undefined || oneway === undefined || idempotent === undefined)
    throw new MillraceError('ERR_PROTOCOL', 'the description of a remote object is malformed');
  return { methods, attributes, oneway, idempotent };
}

/** What a name is; null: nothing, or nothing is known yet. */
export function kindIn(description: Description | null, name: string): 'method' | 'attribute' | null {
  if (description === null) return null;
  return description.methods.has(name) ? 'method' : description.attributes.has(name) ? 'attribute' : null;
}

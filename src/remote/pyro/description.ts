/** What a daemon says at the greeting: what the object has, or why it lets nobody in. */
import { MillraceError } from '../../base/errors.ts';
import { didYouMean } from '../../base/nearest.ts';

export interface PyroDescription {
  readonly methods: ReadonlySet<string>;
  readonly attributes: ReadonlySet<string>;
  readonly oneway: ReadonlySet<string>;
}

/** What a name is. */
export function kindOf(known: PyroDescription | null, name: string): 'method' | 'attribute' | null {
  if (known === null) return null;
  return known.methods.has(name) ? 'method' : known.attributes.has(name) ? 'attribute' : null;
}

/** That the object has the name is known from the greeting on: no round trip for what is not there. @throws ERR_NOT_EXPOSED */
export function checkExposed(known: PyroDescription | null, name: string, kind: 'method' | 'attribute', uri: string): void {
  const found = kindOf(known, name);
  if (known === null || found === kind) return;
  throw new MillraceError(
    'ERR_NOT_EXPOSED',
    found === null
      ? `remote object '${uri}' has no exposed attribute or method '${name}'.${didYouMean(name, [...known.methods, ...known.attributes])}`
      : `'${name}' of remote object '${uri}' is ${found === 'attribute' ? 'an attribute: await it' : 'a method: call it'}`,
  );
}

/** Why a daemon does not let somebody in. Pyro says it only as text. */
export function refusal(text: string, peer: string): MillraceError {
  const code = /unknown object/.test(text)
    ? 'ERR_OBJECT'
    : /hmac/.test(text)
      ? 'ERR_AUTH'
      : /serializer/.test(text)
        ? 'ERR_NOT_CLONEABLE'
        : null;
  return new MillraceError(code ?? 'ERR_CONNECTION_CLOSED', `the daemon on ${peer} refused the connection: ${text.slice(0, 1_000)}`);
}

/** @throws ERR_PROTOCOL */
export function descriptionOf(answer: unknown): PyroDescription {
  const { meta } = (typeof answer === 'object' && answer !== null ? answer : {}) as { meta?: Record<string, unknown> };
  const names = (name: string): ReadonlySet<string> => {
    const listed = meta?.[name];
    if (!Array.isArray(listed) || listed.some((item) => typeof item !== 'string'))
      throw new MillraceError('ERR_PROTOCOL', 'the description of a Pyro object is malformed');
    return new Set(listed as string[]);
  };
  return { methods: names('methods'), attributes: names('attrs'), oneway: names('oneway') };
}

/**
 * Decorators (of the standard) that say what of an object others may call: `@expose`, `@oneway`, `@callback`. They mark functions and classes, and
 * nothing else; a daemon reads the marks when it registers. The lists of `register` say the same where nobody compiles decorators.
 */
import { MillraceError } from '../base/errors.ts';

type Marked = (...args: never[]) => unknown;

const marks: Readonly<Record<'expose' | 'oneway' | 'callback', WeakSet<object>>> = {
  expose: new WeakSet(),
  oneway: new WeakSet(),
  callback: new WeakSet(),
};

/** Where a decorator may stand. */
const kinds: readonly string[] = ['method', 'getter', 'setter', 'class'];

function mark<T>(name: keyof typeof marks, value: T, context: DecoratorContext | undefined, allowed: readonly string[]): T {
  const kind = context?.kind ?? 'method';
  if (typeof value !== 'function' || !allowed.includes(kind))
    throw new MillraceError('ERR_OPTION', `@${name} is for ${allowed.join(', ')}; it stands at a ${kind}`, { details: { option: name } });
  const member = context?.name;
  if (context !== undefined && 'private' in context && (context.private || context.static))
    throw new MillraceError('ERR_NOT_EXPOSED', `@${name}: '${String(member)}' is private or static: it cannot be called by others`);
  marks[name].add(value);
  return value;
}

/** A method or an accessor that others may use; of a class: all that are public. Once one is marked, only what is marked is exposed. @throws ERR_OPTION, ERR_NOT_EXPOSED */
export function expose<T>(value: T, context: DecoratorContext): T {
  return mark('expose', value, context, kinds);
}

/** A method of which no answer is sent. @throws ERR_OPTION, ERR_NOT_EXPOSED */
export function oneway<T extends Marked>(value: T, context: ClassMethodDecoratorContext): T {
  return mark('oneway', value, context, ['method']);
}

/**
 * A method, or a plain function (`callback((line) => …)`), of which an error is seen on both sides: its caller gets it, and it is told here too, to
 * `onCallbackError` or else as a warning of the process. @throws ERR_OPTION, ERR_NOT_EXPOSED
 */
export function callback<T extends Marked>(value: T, context?: ClassMethodDecoratorContext): T {
  return mark('callback', value, context, ['method']);
}

export function isMarked(name: keyof typeof marks, value: unknown): boolean {
  return typeof value === 'function' && marks[name].has(value);
}

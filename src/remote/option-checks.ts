/** What a value of an option has to be, whatever takes it. */
import { MillraceError } from '../base/errors.ts';

/** @throws ERR_OPTION for what is there and no AbortSignal */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || signal === null || signal instanceof AbortSignal) return;
  throw new MillraceError('ERR_OPTION', `signal must be an AbortSignal; it is ${String(signal)}`, { details: { option: 'signal' } });
}

/** @throws ERR_OPTION for what is there and no function */
export function checkFunction(value: unknown, option: string): void {
  if (value === undefined || typeof value === 'function') return;
  throw new MillraceError('ERR_OPTION', `${option} must be a function; it is ${String(value)}`, { details: { option } });
}

/** @throws ERR_OPTION for what is there and no list of texts */
export function checkNames(names: unknown, option: string): void {
  if (names === undefined || (Array.isArray(names) && names.every((name) => typeof name === 'string'))) return;
  throw new MillraceError('ERR_OPTION', `${option} must be a list of names`, { details: { option } });
}

/** @throws ERR_OPTION for what is there and no object of classes */
export function checkClasses(classes: unknown): void {
  if (classes === undefined) return;
  const isClass = (value: unknown): boolean =>
    typeof value === 'function' && typeof value.prototype === 'object' && value.prototype !== null;
  if (typeof classes === 'object' && classes !== null && Object.values(classes).every(isClass)) return;
  throw new MillraceError('ERR_OPTION', 'classes must be an object of classes, by their names: { Point }', {
    details: { option: 'classes' },
  });
}

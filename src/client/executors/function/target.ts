/**
 * From `module#name` to the function: loads modules in the thread that calls, once each.
 */
import { createRequire } from 'node:module';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MillraceError, reasonOf } from '../../../base/errors.ts';

export type AnyFunction = (...args: unknown[]) => unknown;

const loaded = new Map<string, AnyFunction>();

/** A package's name means what it means to this client's program: it is resolved from the working directory first. */
function specifierOf(module: string): string {
  if (isAbsolute(module)) return pathToFileURL(module).href;
  if (/^[a-z][a-z0-9+.-]+:/i.test(module)) return module;
  try {
    return pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(module)).href;
  } catch {
    return module;
  }
}

/** The function if it was loaded before: no promise on the hot path. */
export function knownFunction(target: string): AnyFunction | undefined {
  return loaded.get(target);
}

/**
 * The function that `target` names.
 * @throws ERR_MODULE_NOT_FOUND when the module does not exist or does not load, ERR_EXPORT_NOT_FOUND when it has no such function
 */
export async function loadFunction(target: string): Promise<AnyFunction> {
  const hash = target.lastIndexOf('#');
  const module = hash < 0 ? target : target.slice(0, hash);
  const name = hash < 0 ? 'default' : target.slice(hash + 1);
  let exports: Record<string, unknown>;
  try {
    exports = (await import(specifierOf(module))) as Record<string, unknown>;
  } catch (cause) {
    const reason = reasonOf(cause);
    throw new MillraceError('ERR_MODULE_NOT_FOUND', `the module ${module} cannot be loaded on this client: ${reason}`, { cause });
  }
  const found = exportOf(exports, name);
  if (typeof found !== 'function') {
    const names = Object.keys(exports).filter((one) => typeof exports[one] === 'function');
    throw new MillraceError(
      'ERR_EXPORT_NOT_FOUND',
      `${module} exports no function ${JSON.stringify(name)}; it exports ${names.slice(0, 20).join(', ') || 'no function'}`,
    );
  }
  if (/^class\b/.test(Function.prototype.toString.call(found)))
    throw new MillraceError('ERR_EXPORT_NOT_FOUND', `${JSON.stringify(name)} of ${module} is a class: export a function that makes one`);
  loaded.set(target, found as AnyFunction);
  return found as AnyFunction;
}

export const shortages: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM']);

/** Whether a module could not be loaded for want of open files or memory: it is there, and may load later. */
export function isShortage(thrown: unknown): boolean {
  if (!(thrown instanceof MillraceError) || thrown.code !== 'ERR_MODULE_NOT_FOUND') return false;
  const { cause } = thrown;
  return cause instanceof Error && 'code' in cause && shortages.has(cause.code);
}

/** Of a CommonJS module Node finds not every name, and the default of one that was an ES module is one level down. */
export function exportOf(exports: Record<string, unknown>, name: string): unknown {
  const own = exports[name];
  if (typeof own === 'function') return own;
  const inner = exports.default;
  return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name) ? (inner as Record<string, unknown>)[name] : own;
}

/**
 * The code of functions on its way to clients that share no disk with the program: a module with all that it imports as one file, made by a bundler
 * when it is first submitted. Node's own modules and this library are left out: clients have both.
 */
import { Buffer } from 'node:buffer';
import { statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { reasonOf } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';
import { constantRecord } from './blob.ts';
import { RainException } from './exceptions.ts';
import type { Home, ObjectRecord } from './records.ts';

/** Where a function is: an export of a module, or the text of one that needs nothing around it. */
export type FunctionCode = { readonly path: string; readonly name: string } | { readonly text: string };

/** What of a module's exports is used, and, once it was bundled, which it has; null: what a CommonJS module has is known when it has run. */
interface Wanted {
  readonly names: Set<string>;
  exports: readonly string[] | null;
}

/** This library, which clients have. */
const ownName = /^millrace(?:\/|$)/;

const wantedOf = new WeakMap<ObjectRecord, Wanted>();

/** The file of a module. @throws RainException when there is none */
export function modulePath(module: unknown): string {
  let path: string | null = null;
  try {
    if (module instanceof URL || (typeof module === 'string' && module.startsWith('file:'))) path = fileURLToPath(module);
    else if (typeof module === 'string' && isAbsolute(module)) path = module;
    if (path !== null && statSync(path).isFile()) return path;
  } catch (cause) {
    throw new RainException(`the module ${String(module)} cannot be read: ${reasonOf(cause)}`, { cause, code: 'ERR_MODULE_NOT_FOUND' });
  }
  throw new RainException('remote() takes import.meta.url, or the URL of another module, and the name of an export', {
    code: 'ERR_MODULE_NOT_FOUND',
  });
}

/** The constant with a function's code: one for a module, or a text, and session. */
export function codeObject(home: Home, code: FunctionCode): ObjectRecord {
  if ('text' in code)
    return home.constant(`text:${code.text}`, () => kept(constantRecord(home, 'code', Buffer.from(code.text), 'text', 'blob')));
  const { path, name } = code;
  const own = home.constant(`module:${path}`, () => {
    const wanted: Wanted = { names: new Set(), exports: null };
    const made = kept(constantRecord(home, 'code', () => bundled(path, wanted), 'text', 'blob'));
    wantedOf.set(made, wanted);
    return made;
  });
  const wanted = wantedOf.get(own);
  wanted?.names.add(name);
  checkExports(path, wanted?.exports ?? null, [name]);
  return own;
}

function kept(own: ObjectRecord): ObjectRecord {
  own.kept = true;
  return own;
}

async function bundled(path: string, wanted: Wanted): Promise<Uint8Array> {
  const { code, exports } = await bundle(path);
  checkExports(path, exports, [...wanted.names]);
  wanted.exports = exports;
  return Buffer.from(code);
}

function checkExports(path: string, exports: readonly string[] | null, names: readonly string[]): void {
  if (exports === null) return;
  const missing = names.find((name) => !exports.includes(name));
  if (missing !== undefined)
    throw new RainException(`${path} has no export '${missing}'.${didYouMean(missing, exports)}`, { code: 'ERR_EXPORT_NOT_FOUND' });
}

async function bundle(path: string): Promise<{ code: string; exports: Wanted['exports'] }> {
  const { rolldown } = await bundler();
  let isCommonJS = false;
  try {
    const build = await rolldown({
      input: path,
      platform: 'node',
      external: [/^node:/, ownName],
      plugins: [
        {
          name: 'format',
          moduleParsed({ isEntry, inputFormat }) {
            if (isEntry) isCommonJS = inputFormat === 'cjs';
          },
        },
      ],
      logLevel: 'silent',
    });
    try {
      const { output } = await build.generate({ format: 'esm', codeSplitting: false });
      const { code, exports, imports } = output[0];
      // The bundler leaves a package that it does not find to the client, where there is none. (Those of a `require` or `import()` may be optional.)
      const missing = imports.find((name) => !isBuiltin(name) && !ownName.test(name));
      if (missing !== undefined) throw new Error(`it imports '${missing}', which is not installed here`);
      return { code, exports: isCommonJS ? null : exports };
    } finally {
      await build.close();
    }
  } catch (cause) {
    throw new RainException(`the module ${path} cannot be bundled for clients: ${stripVTControlCharacters(reasonOf(cause))}`, {
      cause,
      code: 'ERR_MODULE_NOT_FOUND',
    });
  }
}

/** A native program of 20 MB: loaded by those who send modules. */
async function bundler(): Promise<typeof import('rolldown')> {
  try {
    return await import('rolldown');
  } catch (cause) {
    throw new RainException('functions of modules are bundled for clients by rolldown: npm install rolldown', {
      cause,
      code: 'ERR_MODULE_NOT_FOUND',
    });
  }
}

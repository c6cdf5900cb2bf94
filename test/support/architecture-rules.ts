/**
 * The rules of the architecture as pure functions from files to complaints, so that the test can feed them the real tree and, to
 * see that each bites, a bad sample.
 */
import { posix } from 'node:path';
import {
  bans,
  builtins,
  emptyNames,
  impure,
  longestFile,
  moduleHomes,
  pureFile,
  ranks,
  rootEntries,
  topRank,
} from './architecture-tables.ts';
import { lineAt, type Scan, scan } from './source-scan.ts';

/** A file by its path from the repository's root, with forward slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

interface Module extends SourceFile, Scan {
  /** The folder directly under `src`; '' for `src/index.ts`. */
  readonly folder: string;
}

function parse(files: readonly SourceFile[]): Module[] {
  return files
    .filter(({ path }) => path.startsWith('src/') && path.endsWith('.ts'))
    .map((file) => ({ ...file, ...scan(file.text), folder: file.path.split('/').length > 2 ? (file.path.split('/')[1] as string) : '' }));
}

const isRelative = (specifier: string): boolean => specifier.startsWith('.');
const isBuiltin = (specifier: string): boolean => specifier.startsWith('node:');
const target = (from: string, specifier: string): string => posix.join(posix.dirname(from), specifier);
const within = (path: string, homes: readonly string[]): boolean => homes.some((home) => path.startsWith(`src/${home}/`));

/** `@scope/name/deep` → `@scope/name`. */
function packageName(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Layer rank: imports go down only, siblings of a layer never meet; every folder has a rank; only the index stands in `src` itself. */
export function layerViolations(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  for (const { path, folder, imports } of parse(files)) {
    if (folder === '' && path !== 'src/index.ts') found.push(`${path}: only index.ts stands in src itself`);
    const rank = folder === '' ? topRank : ranks[folder];
    if (rank === undefined) {
      found.push(`${path}: the folder ${folder} has no layer`);
      continue;
    }
    for (const { specifier, line } of imports) {
      if (!isRelative(specifier)) continue;
      const to = target(path, specifier);
      const other = to.split('/')[1] ?? '';
      if (!to.startsWith('src/')) found.push(`${path}:${line}: imports ${to}, which is outside src`);
      else if (to === 'src/index.ts') found.push(`${path}:${line}: nothing imports the index`);
      else if (other !== folder && (ranks[other] ?? topRank) >= rank)
        found.push(`${path}:${line}: ${folder} (layer ${rank}) imports ${to} (layer ${ranks[other] ?? 'none'})`);
    }
  }
  return found;
}

/** Relative imports name the `.ts` file that exists. */
export function danglingImports(files: readonly SourceFile[]): string[] {
  const paths = new Set(files.map(({ path }) => path));
  const found: string[] = [];
  for (const { path, imports } of parse(files))
    for (const { specifier, line } of imports)
      if (isRelative(specifier) && !paths.has(target(path, specifier))) found.push(`${path}:${line}: there is no ${specifier}`);
  return found;
}

/** Cycles between files, type imports counted: each once, from its smallest path. */
export function importCycles(files: readonly SourceFile[]): string[] {
  const edges = new Map<string, string[]>();
  for (const { path, imports } of parse(files))
    edges.set(
      path,
      imports.filter(({ specifier }) => isRelative(specifier)).map(({ specifier }) => target(path, specifier)),
    );
  const cycles = new Set<string>();
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    const seen = trail.indexOf(path);
    if (seen !== -1) {
      const cycle = trail.slice(seen);
      const first = cycle.indexOf([...cycle].sort()[0] as string);
      cycles.add([...cycle.slice(first), ...cycle.slice(0, first), cycle[first]].join(' -> '));
      return;
    }
    if (done.has(path)) return;
    trail.push(path);
    for (const next of edges.get(path) ?? []) visit(next);
    trail.pop();
    done.add(path);
  };
  for (const path of edges.keys()) visit(path);
  return [...cycles];
}

/** Built-ins and packages only where the tables allow them; built-ins by their `node:` name. */
export function moduleViolations(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  for (const { path, folder, imports } of parse(files)) {
    for (const { specifier, line } of imports) {
      if (isRelative(specifier)) continue;
      const name = isBuiltin(specifier) ? specifier : packageName(specifier);
      const homes = moduleHomes[name];
      const allowed = homes === undefined ? isBuiltin(name) && (builtins[folder] ?? []).includes(name.slice(5)) : within(path, homes);
      if (!allowed)
        found.push(`${path}:${line}: ${folder || 'the index'} may not use ${name}${homes ? ` (only ${homes.join(', ')})` : ''}`);
    }
  }
  return found;
}

/** Words that belong to some folders only. */
export function wordViolations(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  for (const { path, code } of parse(files)) {
    for (const { what, pattern, homes } of bans) {
      const match = within(path, homes) ? null : pattern.exec(code);
      if (match) found.push(`${path}:${lineAt(code, match.index)}: ${what} (${match[0].trim()}) is not for this folder`);
    }
  }
  return found;
}

/** Cores decide without I/O, clock or promise. */
export function impureCores(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  for (const { path, code, imports } of parse(files)) {
    if (!pureFile.test(path)) continue;
    const match = impure.exec(code);
    if (match) found.push(`${path}:${lineAt(code, match.index)}: a core may not say ${match[0]}`);
    for (const { specifier, line } of imports)
      if (!isRelative(specifier)) found.push(`${path}:${line}: a core may not import ${specifier}`);
  }
  return found;
}

/** Loading zod takes some 60 ms: no worker entry may reach it by what it loads at its start. */
export function heavyEntries(files: readonly SourceFile[], heavy = 'zod'): string[] {
  const modules = new Map(parse(files).map((module) => [module.path, module]));
  const found: string[] = [];
  for (const entry of modules.keys()) {
    if (!/(?:^|\/)(?:entry|[\w-]*worker)\.ts$/.test(entry)) continue;
    const from = new Map<string, string | null>([[entry, null]]);
    for (const path of from.keys()) {
      for (const { specifier, typeOnly, late } of modules.get(path)?.imports ?? []) {
        if (typeOnly || late) continue;
        if (packageName(specifier) === heavy) {
          const way: string[] = [heavy];
          for (let at: string | null = path; at !== null; at = from.get(at) ?? null) way.unshift(at);
          found.push(way.join(' -> '));
        }
        const next = target(path, specifier);
        if (isRelative(specifier) && !from.has(next)) from.set(next, path);
      }
    }
  }
  return found;
}

/** The project's files and the packages that an entry has loaded before its first line runs. */
export function loadedAtStart(files: readonly SourceFile[], entry: string): { readonly files: string[]; readonly packages: string[] } {
  const modules = new Map(parse(files).map((module) => [module.path, module]));
  const reached = new Set([entry]);
  const packages = new Set<string>();
  for (const path of reached) {
    for (const { specifier, typeOnly, late } of modules.get(path)?.imports ?? []) {
      if (typeOnly || late) continue;
      if (isRelative(specifier)) reached.add(target(path, specifier));
      else if (!isBuiltin(specifier)) packages.add(packageName(specifier));
    }
  }
  return { files: [...reached], packages: [...packages].sort() };
}

/** Length, names, an opening comment, and no comment that switches a checker off. */
export function shapeViolations(files: readonly SourceFile[]): string[] {
  const found: string[] = [];
  for (const { path, text } of files) {
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
    if (lines > longestFile) found.push(`${path}: ${lines} lines; at most ${longestFile}`);
    for (const part of path.split('/'))
      if (emptyNames.has(part.replace(/\..*$/, ''))) found.push(`${path}: the name ${part} says nothing of what is inside`);
    if (!path.endsWith('.ts')) continue;
    const off = scan(text).comments.find((comment) =>
      /@ts-(?:ignore|expect-error|nocheck)|(?:biome|eslint|oxlint)-(?:ignore|disable)/.test(comment),
    );
    if (off !== undefined && !path.startsWith('test/surface/')) found.push(`${path}: a comment switches a checker off: ${off.trim()}`);
    if (path.startsWith('src/') && !/^(?:#!.*\n)?\/\*\*/.test(text)) found.push(`${path}: does not open with what it is the boundary of`);
  }
  return found;
}

/** The root holds what the table names, and dot-files. */
export function rootViolations(entries: readonly string[]): string[] {
  return entries.filter((entry) => !entry.startsWith('.') && !rootEntries.has(entry)).map((entry) => `${entry}: not at the root`);
}

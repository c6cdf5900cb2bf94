import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { scan } from './support/source-scan.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

interface Manifest {
  name: string;
  type: string;
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  exports: Record<string, string | { types: string; default: string }>;
}

const manifest = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as Manifest;

/** What the entry of a thread loads when it needs it, or what the checks of options share. */
const partOfABundle = /^dist\/(?:server|client|submit|config)\/entry-[\w-]+\.js$/;
/** A part of a package that stands in a bundle. */
const held = /^\/\/.*\bnode_modules\/([\w-]+)\//gm;

describe('the package', () => {
  let files: string[] = [];

  beforeAll(async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root });
    const [packed] = JSON.parse(stdout) as { files: { path: string }[] }[];
    files = packed?.files.map(({ path }) => path) ?? [];
  });

  it('holds what is built, its README and its licence, and nothing else', () => {
    expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']));
    expect(files.filter((path) => !/^(?:dist\/.+\.(?:js|d\.ts)|package\.json|README\.md|LICENSE)$/.test(path))).toEqual([]);
  });

  it('has a declaration for every module, and a source for every module that is built', () => {
    const modules = files.filter((path) => path.endsWith('.js') && !partOfABundle.test(path)).map((path) => path.slice(0, -3));
    expect(modules.filter((path) => !files.includes(`${path}.d.ts`))).toEqual([]);
    expect(modules.filter((path) => !existsSync(`${root}${path.replace(/^dist/, 'src')}.ts`))).toEqual([]);
  });

  it('has the program of each thread in one file, with what it loads later beside it', () => {
    for (const role of ['server', 'client', 'submit']) {
      const text = readFileSync(`${root}dist/${role}/entry.js`, 'utf8');
      const imported = scan(text)
        .imports.filter(({ late }) => !late)
        .map(({ specifier }) => specifier);
      expect(imported.filter((specifier) => specifier.startsWith('.') && !/^\.\/entry-[\w-]+\.js$/.test(specifier))).toEqual([
        '../base/errors.js',
      ]);
      expect(files.filter((path) => path.startsWith(`dist/${role}/`) && partOfABundle.test(path))).not.toEqual([]);
    }
  });

  it('has of small packages what a thread needs in its program, with their licences', () => {
    const programs = files.filter((path) => /^dist\/(?:(?:server|client|submit)\/entry(?:-[\w-]+)?|config\/[\w-]+)\.js$/.test(path));
    const texts = programs.map((path) => readFileSync(`${root}${path}`, 'utf8'));
    for (const [name, owner] of [
      ['uuid', 'Robert Kieffer'],
      ['croner', 'Hexagon'],
      ['net-ipc', 'timotejroiko'],
      ['zod', 'Colin McDonnell'],
    ] as const) {
      expect(programs.filter((_, at) => new RegExp(`from ['"]${name}['"]`).test(texts[at]!))).toEqual([]);
      const holders = texts.filter((text) => text.includes(`node_modules/${name}/`));
      expect(holders).not.toEqual([]);
      for (const text of holders) expect(text).toContain(owner);
    }
    // What net-ipc would load, and never uses here.
    expect(texts.filter((text) => /__require\("(?:msgpackr|fast-zlib)"\)/.test(text))).toEqual([]);
  });

  it('has programs of the threads that take one byte for each character, and no room for comments', () => {
    const programs = files.filter((path) => /^dist\/(?:server|client|submit)\/entry(?:-[\w-]+)?\.js$/.test(path));
    const texts = programs.map((path) => readFileSync(`${root}${path}`, 'utf8'));
    expect(programs.filter((_, at) => /[^\0-\xff]|^\s*\/\*\*/m.test(texts[at]!))).toEqual([]);
  });

  it('opens every door that its exports name, from outside, by its name', async () => {
    for (const [door, target] of Object.entries(manifest.exports)) {
      const paths = typeof target === 'string' ? [target] : Object.values(target);
      for (const path of paths) expect(files, door).toContain(path.slice(2));
    }
    const doors = Object.keys(manifest.exports).filter((door) => !door.endsWith('.json'));
    const names = doors.map((door) => `${manifest.name}${door.slice(1)}`);
    const program = `for (const name of ${JSON.stringify(names)}) { const door = await import(name); console.log(name, Object.keys(door).length > 0); }`;
    const { stdout, stderr } = await run(process.execPath, ['--input-type=module', '-e', program], { cwd: root });
    expect(stdout.trim().split('\n')).toEqual(names.map((name) => `${name} true`));
    expect(stderr).toBe('');
  });

  it('runs nothing when it is installed', () => {
    expect(Object.keys(manifest.scripts).filter((name) => /^(?:pre|post)?(?:install|prepare|pack|publish)/.test(name))).toEqual([]);
  });

  it('names every package that it loads or holds parts of, and no other', () => {
    const named = new Set<string>();
    for (const path of files.filter((name) => name.endsWith('.js'))) {
      const text = readFileSync(root + path, 'utf8');
      for (const [, name] of text.matchAll(held)) named.add(name!);
      for (const { specifier } of scan(text).imports)
        if (/^[@a-z]/.test(specifier) && !specifier.startsWith('node:'))
          named.add(
            specifier
              .split('/')
              .slice(0, specifier.startsWith('@') ? 2 : 1)
              .join('/'),
          );
    }
    expect([...named].sort()).toEqual(
      Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies }).sort(),
    );
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  danglingImports,
  heavyEntries,
  importCycles,
  impureCores,
  layerViolations,
  loadedAtStart,
  moduleViolations,
  rootViolations,
  type SourceFile,
  shapeViolations,
  wordViolations,
} from './support/architecture-rules.ts';
import { bans, moduleHomes } from './support/architecture-tables.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

function read(folder: string): SourceFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: file.slice(root.length).replaceAll('\\', '/'), text: readFileSync(file, 'utf8') }));
}

const source = read('src');
const everything = [...source, ...read('test'), ...read('benchmarks')];

/** One bad file, as the rules see it. */
const file = (path: string, text: string): SourceFile[] => [{ path, text: `/** Sample. */\n${text}` }];

describe('the tree', () => {
  it('imports only from lower layers and never from a sibling', () => expect(layerViolations(source)).toEqual([]));
  it('imports only files that exist, by their whole name', () => expect(danglingImports(source)).toEqual([]));
  it('has no import cycle, types included', () => expect(importCycles(source)).toEqual([]));
  it('uses built-ins and packages only in their folders', () => expect(moduleViolations(source)).toEqual([]));
  it('keeps clocks, timers, chance, environment, console and Workers in their folders', () => expect(wordViolations(source)).toEqual([]));
  it('has cores without I/O, clock and promise', () => expect(impureCores(source)).toEqual([]));
  it('has worker entries that do not load the option parser', () => expect(heavyEntries(source)).toEqual([]));
  // A file costs a thread half a millisecond to load: the time from `new` to ready is mostly that. Whoever needs more may load it later.
  it.each([
    ['src/server/entry.ts', 148, ['croner', 'uuid']],
    ['src/client/entry.ts', 102, ['croner', 'uuid']],
    ['src/submit/entry.ts', 56, ['croner', 'uuid']],
    ['src/index.ts', 112, ['croner', 'eventemitter3', 'uuid', 'zod']],
  ])('has a %s that loads few files at its start, and neither SQLite nor sockets', (entry, most, packages) => {
    const loaded = loadedAtStart(source, entry);
    expect(loaded.files.filter((path) => /^src\/store\/(?:sqlite|memory)\/|^src\/transport\/(?:net-ipc|dial|ipc-)/.test(path))).toEqual([]);
    expect(loaded.files.length).toBeLessThanOrEqual(most);
    expect(loaded.packages).toEqual(packages);
  });
  it('has short files with honest names that open with what they are', () => expect(shapeViolations(everything)).toEqual([]));
  it('has nothing at its root that is not named', () => expect(rootViolations(readdirSync(root))).toEqual([]));
});

describe('the rules bite', () => {
  it('an import upwards is found, in every form', () => {
    for (const form of [
      "import { a } from '../store/store.ts';",
      "import type { A } from '../store/store.ts';",
      "import '../store/store.ts';",
      "export { a } from '../store/store.ts';",
      "const a = await import('../store/store.ts');",
      "type A = import('../store/store.ts').A;",
      'import {\n  type A,\n  b,\n} from "../store/store.ts";',
    ]) {
      expect(layerViolations(file('src/task/a.ts', form)), form).toHaveLength(1);
    }
  });

  it('a sibling of the same layer, an unknown folder, a second top file and the index are found', () => {
    expect(layerViolations(file('src/store/a.ts', "import { a } from '../transport/b.ts';"))).toHaveLength(1);
    expect(layerViolations(file('src/client/a.ts', "import { a } from '../server/b.ts';"))).toHaveLength(1);
    expect(layerViolations(file('src/stuff/a.ts', ''))).toHaveLength(1);
    expect(layerViolations(file('src/graph.ts', ''))).toHaveLength(1);
    expect(layerViolations(file('src/local/a.ts', "import { a } from '../index.ts';"))).toHaveLength(1);
    expect(layerViolations(file('src/local/a.ts', "import { a } from '../../test/b.ts';"))).toHaveLength(1);
  });

  it('an import downwards, inside the folder, and prose about an import are left alone', () => {
    expect(layerViolations(file('src/store/a.ts', "import { a } from '../task/b.ts';\nimport { c } from './memory/c.ts';"))).toEqual([]);
    expect(layerViolations(file('src/task/a.ts', "// import { a } from '../store/b.ts'\nconst a = `from '../store/b.ts'`;"))).toEqual([]);
  });

  it('an import without its ending is found', () => {
    expect(danglingImports(file('src/task/a.ts', "import { b } from './b';"))).toHaveLength(1);
  });

  it('a cycle is found, through types too, and told once', () => {
    const cycle = [
      ...file('src/task/a.ts', "import type { B } from './b.ts';"),
      ...file('src/task/b.ts', "import { c } from './c.ts';"),
      ...file('src/task/c.ts', "const a = import('./a.ts');"),
    ];
    expect(importCycles(cycle)).toEqual(['src/task/a.ts -> src/task/b.ts -> src/task/c.ts -> src/task/a.ts']);
  });

  it('a module outside its home is found, for every module of the table', () => {
    for (const name of Object.keys(moduleHomes))
      expect(moduleViolations(file('src/graph/a.ts', `import '${name}';`)), name).toHaveLength(1);
    expect(moduleViolations(file('src/client/a.ts', "import { spawn } from 'node:child_process';"))).toHaveLength(1);
    expect(moduleViolations(file('src/client/executors/shell/a.ts', "import { spawn } from 'node:child_process';"))).toEqual([]);
    expect(moduleViolations(file('src/store/a.ts', "process.getBuiltinModule('node:sqlite');"))).toHaveLength(1);
    expect(moduleViolations(file('src/task/a.ts', "import zod from 'zod/mini';"))).toHaveLength(1);
  });

  it('an unknown package, a built-in of another folder and one without its prefix are found', () => {
    expect(moduleViolations(file('src/base/a.ts', "import lodash from 'lodash';"))).toHaveLength(1);
    expect(moduleViolations(file('src/task/a.ts', "import { readFileSync } from 'node:fs';"))).toHaveLength(1);
    expect(moduleViolations(file('src/store/a.ts', "import { readFileSync } from 'fs';"))).toHaveLength(1);
  });

  it('a word outside its folders is found, for every word of the table', () => {
    const samples = [
      'const a = process.env.HOME;',
      'const a = Date.now();',
      'const a = performance.now();',
      'setTimeout(call, 1);',
      'queueMicrotask(call);',
      'const a = Math.random();',
      'const a = randomUUID();',
      'const a = new Worker(url);',
      "console.log('a');",
      'process.exitCode = 1;',
      "process.on('SIGINT', call);",
      "process.chdir('a');",
      "export * from './b.ts';",
      'const a = b as any;',
    ];
    for (const sample of samples) expect(wordViolations(file('src/data/a.ts', sample)), sample).toHaveLength(1);
    for (const { what, pattern } of bans)
      expect(
        samples.some((sample) => pattern.test(sample)),
        what,
      ).toBe(true);
    expect(wordViolations(file('src/data/a.ts', `const a = \`\${Date.now()}\`;`))).toHaveLength(1);
  });

  it('the same word in its folder, in a string, in a comment or in a regular expression is left alone', () => {
    expect(wordViolations(file('src/base/a.ts', 'const a = Date.now();'))).toEqual([]);
    const spared = ["'Date.now()'", 'b; // console.log', '/console.log/', `\`x\${b}console.log\``];
    for (const value of spared) expect(wordViolations(file('src/data/a.ts', `const a = ${value};`)), value).toEqual([]);
  });

  it('a core that waits, reads a clock or does I/O is found', () => {
    for (const line of [
      'async function a() {}',
      'let a: Promise<void>;',
      'const a = Date.now();',
      "import { b } from 'node:fs';",
      'let a: Clock;',
    ]) {
      expect(impureCores(file('src/server/core/a.ts', line)), line).toHaveLength(1);
      expect(impureCores(file('src/server/core.ts', line)), line).toHaveLength(1);
      expect(impureCores(file('src/client/scheduler-window.ts', line)), line).toHaveLength(1);
      expect(impureCores(file('src/server/server.ts', line)), line).toEqual([]);
    }
  });

  it('a worker entry that reaches the option parser is found, with the way, and a type is not a way', () => {
    const files = (form: string): SourceFile[] => [
      ...file('src/server/entry.ts', "import { serve } from './server.ts';"),
      ...file('src/server/server.ts', `${form} { parse } from '../config/server.ts';`),
      ...file('src/config/server.ts', "import { z } from 'zod';"),
    ];
    expect(heavyEntries(files('import'))).toEqual(['src/server/entry.ts -> src/server/server.ts -> src/config/server.ts -> zod']);
    expect(heavyEntries(files('import type'))).toEqual([]);
  });

  it('what is loaded at the start is found, what comes later or is only a type is not', () => {
    const files = [
      ...file('src/server/entry.ts', "import { a } from './a.ts';\nimport type { b } from './b.ts';\nconst c = await import('./c.ts');"),
      ...file('src/server/a.ts', "export { d } from './d.ts';\nimport 'some/deep';"),
    ];
    expect(loadedAtStart(files, 'src/server/entry.ts')).toEqual({
      files: ['src/server/entry.ts', 'src/server/a.ts', 'src/server/d.ts'],
      packages: ['some'],
    });
  });

  it('a long file, an empty name, a missing opening and a switched-off checker are found', () => {
    expect(shapeViolations(file('src/task/a.ts', '\n'.repeat(299)))).toEqual([]);
    expect(shapeViolations(file('src/task/a.ts', '\n'.repeat(300)))).toHaveLength(1);
    expect(shapeViolations(file('src/task/utils.ts', ''))).toHaveLength(1);
    expect(shapeViolations(file('src/helpers/a.ts', ''))).toHaveLength(1);
    expect(shapeViolations([{ path: 'src/task/a.ts', text: 'const a = 1;' }])).toHaveLength(1);
    expect(shapeViolations(file('src/task/a.ts', '// @ts-ignore\nconst a = 1;'))).toHaveLength(1);
  });

  it('a stray entry at the root is found', () => {
    expect(rootViolations(['src', '.ci', 'notes.md', 'vitest.config.ts'])).toHaveLength(2);
  });
});

/**
 * The code of functions as files that threads can import: each once, by its hash, whatever session it came with. Beside them stands a way to this library, so
 * that what it imports from there is the same here.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GraphInput } from '../../graph-task-runner.ts';
import { makeSpoolFolder } from '../../spool-folders.ts';

/** Of the package: four folders above this one. */
const library = fileURLToPath(new URL('../../../../', import.meta.url));

interface CodeFile {
  readonly path: string;
  readonly sessions: Set<number>;
}

export class CodeFiles {
  readonly #parent: string;
  #folder: string | null = null;
  readonly #files = new Map<string, CodeFile>();
  /** By session, and the object in it. */
  readonly #known = new Map<number, Map<number, string>>();

  /** @param parent An existing folder; one of our own is made in it with the first code. */
  constructor(parent: string) {
    this.#parent = parent;
  }

  /** The file with this code. */
  place(session: number, { object, content }: GraphInput): string {
    const known = this.#known.get(session)?.get(object);
    if (known !== undefined) return known;
    const code = content.path === null ? content.bytes : readFileSync(content.path);
    const hash = createHash('sha256').update(code).digest('hex');
    const file = this.#files.get(hash) ?? this.#write(hash, code);
    file.sessions.add(session);
    const own = this.#known.get(session) ?? new Map<number, string>();
    this.#known.set(session, own.set(object, file.path));
    return file.path;
  }

  /** What only this session used goes; threads that have loaded it keep it in memory. */
  forget(session: number): void {
    this.#known.delete(session);
    for (const [hash, { path, sessions }] of this.#files) {
      if (!sessions.delete(session) || sessions.size > 0) continue;
      this.#files.delete(hash);
      rmSync(path, { force: true });
    }
  }

  close(): void {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = null;
    this.#files.clear();
    this.#known.clear();
  }

  #write(hash: string, code: Uint8Array): CodeFile {
    this.#folder ??= this.#make();
    const file: CodeFile = { path: join(this.#folder, `${hash}.mjs`), sessions: new Set() };
    writeFileSync(file.path, code, { mode: 0o600 });
    this.#files.set(hash, file);
    return file;
  }

  #make(): string {
    const folder = makeSpoolFolder(this.#parent, 'code');
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(library, join(folder, 'node_modules', 'millrace'), 'dir');
    return folder;
  }
}

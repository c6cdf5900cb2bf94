/** Reads tables of parity: what another system offers (HyperShell's library, the pages of Napix, Pyro and Rain), what that is here, and the test that proves it. */
import { readFileSync } from 'node:fs';

export interface ParityRow {
  /** Its word there: `Callable.parameter`, a behaviour in words, or `defect N`. */
  readonly original: string;
  readonly here: string;
  /** Below `test/`. */
  readonly file: string;
  /** The test's describes and its name, joined by ' > '. */
  readonly test: string;
}

/** @throws for a row that is not of three cells, the last of them `file: test` */
export function readParityTable(path: URL): ParityRow[] {
  const rows: ParityRow[] = [];
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((line, index) => {
      if (!line.startsWith('| ') || /^\| (?:HyperShell \||Napix \||Pyro \||Rain \||--)/.test(line)) return;
      const cells = line.slice(2, -2).split(' | ');
      const [original, here, proof] = cells.map((cell) => cell.trim());
      const place = /^(?<file>[\w./-]+\.test\.ts): (?<test>.+)$/.exec(proof ?? '')?.groups;
      if (cells.length !== 3 || place === undefined)
        throw new Error(`line ${index + 1} of the parity table has not its three cells: ${line}`);
      rows.push({ original: original ?? '', here: here ?? '', file: `test/${place.file}`, test: place.test ?? '' });
    });
  return rows;
}

export const parityTable: URL = new URL('../system/hypershell-parity.md', import.meta.url);

/** Every table by the test file that stands beside it. */
export const parityTables: Readonly<Record<string, URL>> = {
  'test/system/hypershell-parity.test.ts': parityTable,
  'test/http/napix-parity.test.ts': new URL('../http/napix-parity.md', import.meta.url),
  'test/remote/remote-parity.test.ts': new URL('../remote/remote-parity.md', import.meta.url),
  'test/session/rain-parity.test.ts': new URL('../session/rain-parity.md', import.meta.url),
};

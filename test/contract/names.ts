/** What every keeper of names promises: those of the stores, and the one in memory. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StoredName, StoredNames } from '../../src/store/names.ts';

export interface NamesUnderTest {
  readonly names: StoredNames;
  /** As after a restart; the same where nothing outlives the process. */
  reopen(): Promise<StoredNames>;
  destroy(): Promise<void>;
}

function storedName(name: string, changes: Partial<StoredName> = {}): StoredName {
  return { name, uri: `mill:${name}@host:1`, metadata: [], lease: null, renewedAt: 1_700_000_000_000.5, ...changes };
}

export function describeNames(name: string, make: () => Promise<NamesUnderTest>): void {
  describe(`${name}: the contract of names`, () => {
    let under: NamesUnderTest;
    let names: StoredNames;
    beforeEach(async () => {
      under = await make();
      names = under.names;
    });
    afterEach(() => under.destroy());

    const all = async (): Promise<string[]> => (await names.all()).map((row) => row.name).sort();

    test('a name comes back as it was put, and the last one put is the one', async () => {
      const odd = storedName('ä\u0000"%_\ud800', { metadata: ['a', 'b"c'], lease: 30_000, uri: "mill:x'y@./u:/tmp/a b" });
      await names.put([odd, storedName('b')]);
      expect([await names.get(odd.name), await names.get('b'), await names.get('c')]).toEqual([odd, storedName('b'), null]);
      await names.put([storedName('b', { uri: 'mill:b@host:2', metadata: ['t'] })]);
      expect(await names.get('b')).toEqual(storedName('b', { uri: 'mill:b@host:2', metadata: ['t'] }));
      expect(await all()).toEqual(['b', odd.name]);
    });

    test('names are removed, those that are not there passed over, and other letters are other names', async () => {
      await names.put([storedName('a'), storedName('A'), storedName('b')]);
      await names.remove(['a', 'nobody']);
      expect(await all()).toEqual(['A', 'b']);
      await names.remove([]);
      await names.put([]);
      expect(await all()).toEqual(['A', 'b']);
    });

    test('many are put at once, and outlive a restart where the store does', async () => {
      const rows = Array.from({ length: 2_000 }, (_, i) => storedName(`n${i}`, { lease: i, metadata: [`t${i % 7}`] }));
      await names.put(rows);
      names = await under.reopen();
      expect(await all()).toEqual(rows.map((row) => row.name).sort());
      expect(await names.get('n1999')).toEqual(rows[1_999]);
      await names.remove(rows.map((row) => row.name));
      expect(await all()).toEqual([]);
    });
  });
}

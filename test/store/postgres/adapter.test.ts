import { openStore } from '../../../src/store/open.ts';
import { describeStore } from '../../contract/store.ts';
import { usePostgres } from './database.ts';

const postgres = usePostgres();

describeStore('postgres', async () => {
  const url = postgres.schema();
  let store = await openStore(url);
  return {
    store,
    async reopen() {
      await store.close();
      store = await openStore(url);
      return store;
    },
    destroy: async () => store.close(),
  };
});

import { describe, expect, it } from '@jest/globals';
import { ErrLogDBClosed, type ILogDB } from '@drakkar/raftio';
import { Compactions } from './compactions.js';
import type { ReplicaSet } from './replica-set.js';

const noReplicas = { list: () => new Map() } as unknown as ReplicaSet;
const closed = (): Promise<never> => Promise.reject(new ErrLogDBClosed());

function compactionsOn(logDB: Partial<ILogDB>): Compactions {
  return new Compactions({ logDB: logDB as ILogDB, replicas: noReplicas });
}

describe('compactions on request', () => {
  it('report that the host was stopped when its LogDB is closed before they begin', async () => {
    const compactions = compactionsOn({ getBootstrapInfo: closed });
    await expect(compactions.request(1, 1)).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('report it when the LogDB is closed while they are under way', async () => {
    const stored = { addresses: new Map(), join: false };
    const compactions = compactionsOn({
      getBootstrapInfo: () => Promise.resolve(stored),
      compactEntriesTo: closed,
    });
    const { completed } = await compactions.request(1, 1);
    await expect(completed).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  it('keep any other error of the LogDB', async () => {
    const failure = new Error('broken');
    const compactions = compactionsOn({ getBootstrapInfo: () => Promise.reject(failure) });
    await expect(compactions.request(1, 1)).rejects.toBe(failure);
  });
});

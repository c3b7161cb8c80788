import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { LogModel } from './testing/log-model.js';
import { type Action, actionArbitrary, runAction } from './testing/model-actions.js';
import { MemoryDisk, MemoryKV } from './testing/memory-kv.js';
import { KVLogDB } from './kv-logdb.js';

async function reopen(disk: MemoryDisk): Promise<KVLogDB> {
  return KVLogDB.open(new MemoryKV(disk), { name: 'memory' });
}

async function runScript(actions: readonly Action[]): Promise<void> {
  const disk = new MemoryDisk();
  const model = new LogModel();
  let db = await reopen(disk);
  for (const action of actions) {
    if (action.type === 'reopen') {
      await db.close();
      db = await reopen(disk);
    } else {
      await runAction(db, model, action);
    }
    await model.compareAll(db);
  }
  await db.close();
}

describe('KVLogDB against a model', () => {
  it('agrees with a plain map of entries after every call', async () => {
    await fc.assert(fc.asyncProperty(fc.array(actionArbitrary, { minLength: 1, maxLength: 30 }), runScript), {
      numRuns: 150,
    });
  });
});

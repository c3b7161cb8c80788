import { describe, it } from '@jest/globals';
import fc from 'fast-check';
import { type Action, LogModel, actionArbitrary, runAction } from '@drakkar/raftio/kv/testing';
import { MemoryDisk } from './testing/memory-disk.js';
import { openOn } from './testing/logs.js';

async function runScript(actions: readonly Action[], kills: boolean): Promise<void> {
  let disk = new MemoryDisk();
  const model = new LogModel();
  let db = await openOn(disk);
  for (const action of actions) {
    if (action.type === 'reopen') {
      if (!kills) await db.close();
      disk = disk.afterKill();
      db = await openOn(disk);
    } else {
      await runAction(db, model, action);
    }
    await model.compareAll(db);
  }
  await db.close();
}

const scripts = fc.array(actionArbitrary, { minLength: 1, maxLength: 30 });

describe('WalLogDB against a model', () => {
  it('agrees with a plain map of entries after every call, closings and compactions included', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, (actions) => runScript(actions, false)),
      { numRuns: 12 },
    );
  });

  it('agrees with it after losses of the process', async () => {
    const withoutRemovals = scripts.map((actions) => actions.filter(({ type }) => type !== 'removeTo'));
    await fc.assert(
      fc.asyncProperty(withoutRemovals, (actions) => runScript(actions, true)),
      { numRuns: 8 },
    );
  });
});

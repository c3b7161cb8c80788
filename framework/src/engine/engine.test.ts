import { describe, expect, it } from '@jest/globals';
import { ErrUpdateRefused, MessageType } from '@drakkar/raftio';
import { entries, message, settle, setUp, story } from './testing/engine-bench.js';

const { Replicate, ReplicateResp, Heartbeat } = MessageType;

describe('Engine', () => {
  it('sends Replicate before the save, and answers only when it is durable', async () => {
    const { clock, saves, addReplica } = setUp();
    const { raft } = addReplica(1);
    raft.updates.push({
      mustSave: true,
      entriesToSave: entries(1, 2),
      messages: [message(1, Replicate)],
      messagesAfterSave: [message(1, ReplicateResp)],
    });
    clock.runDeferred();
    await settle();
    expect(story).toEqual(['1: send 12', 'save 1x2']);
    saves[0]?.resolve();
    await settle();
    expect(story.slice(2)).toEqual(['1: saved 2', '1: send 13']);
  });

  it('does not let an answer overtake an earlier save of the same replica', async () => {
    const { clock, saves, addReplica } = setUp();
    const { replica, raft } = addReplica(1);
    raft.updates.push({ mustSave: true, entriesToSave: entries(1, 1) });
    clock.runDeferred();
    raft.updates.push({ messagesAfterSave: [message(1, ReplicateResp)] });
    replica.receive(message(1, Heartbeat));
    clock.runDeferred();
    expect(story).not.toContain('1: send 13');
    saves[0]?.resolve();
    await settle();
    expect(story.slice(-2)).toEqual(['1: saved 1', '1: send 13']);
    expect(saves).toHaveLength(1);
  });

  it('does not acknowledge entries that a later leader has replaced before they were saved', async () => {
    const { clock, saves, addReplica } = setUp();
    const { replica, raft } = addReplica(1);
    raft.updates.push({ mustSave: true, entriesToSave: entries(1, 1) });
    clock.runDeferred();
    for (const term of [2, 3]) {
      raft.term = term;
      const answer = { ...message(1, ReplicateResp), term, logIndex: 9 - term };
      const update = { mustSave: true, entriesToSave: entries(9 - term, 1), messagesAfterSave: [answer] };
      raft.updates.push(update);
      replica.receive(message(1, Heartbeat));
      clock.runDeferred();
    }
    saves[0]?.resolve();
    await settle();
    expect(saves[1]?.updates[0]?.entriesToSave.map(({ index }) => index)).toEqual([6]);
    saves[1]?.resolve();
    await settle();
    expect(story.filter((line) => line === '1: saved 1')).toHaveLength(3);
    expect(story.filter((line) => line === '1: send 13')).toHaveLength(1);
  });

  it('leaves what a save has made possible to the next cycle, where one is due', async () => {
    const { clock, saves, addReplica } = setUp();
    const { replica, raft } = addReplica(1);
    raft.updates.push({ mustSave: true, entriesToSave: entries(1, 1) });
    clock.runDeferred();
    replica.receive(message(1, Heartbeat));
    raft.updates.push({ messages: [message(1, Replicate)] });
    saves[0]?.resolve();
    await settle();
    expect(story.slice(-1)).toEqual(['1: saved 1']);
    clock.runDeferred();
    expect(story.slice(-2)).toEqual(['1: step 17', '1: send 12']);
  });

  it('has one save in flight and gathers the next over all replicas meanwhile', async () => {
    const { clock, saves, addReplica } = setUp();
    const first = addReplica(1);
    const second = addReplica(2);
    first.raft.updates.push({ mustSave: true, entriesToSave: entries(1, 1) });
    clock.runDeferred();
    for (const [index, { replica, raft }] of [first, second, first].entries()) {
      raft.updates.push({
        mustSave: true,
        entriesToSave: entries(2 + index, 1),
        messages: [message(1, Replicate)],
      });
      replica.receive(message(replica.clusterID, Heartbeat));
      clock.runDeferred();
    }
    expect(saves).toHaveLength(1);
    expect(story.filter((line) => line.includes('send 12'))).toHaveLength(3);
    saves[0]?.resolve();
    await settle();
    expect(story.filter((line) => line.startsWith('save'))).toEqual(['save 1x1', 'save 1x2 2x1']);
  });

  it('holds a bounded number of answers back while the disk is stuck', async () => {
    const { clock, saves, addReplica } = setUp();
    const { replica, raft } = addReplica(1);
    raft.updates.push({ mustSave: true, entriesToSave: entries(1, 1) });
    clock.runDeferred();
    for (let i = 0; i < 5_000; i++) {
      raft.updates.push({ messagesAfterSave: [message(1, ReplicateResp)] });
      replica.receive(message(1, Heartbeat));
      clock.runDeferred();
    }
    saves[0]?.resolve();
    await settle();
    const answers = story.filter((line) => line === '1: send 13').length;
    expect(answers).toBeGreaterThan(0);
    expect(answers).toBeLessThanOrEqual(1_024);
    expect(replica.unsavedUpdates).toBe(0);
  });

  it('takes a LogDB that throws for one that has failed', async () => {
    const { clock, engine, failed, logDBErrors, addReplica } = setUp({
      saveRaftState: () => {
        throw new Error('not even a promise');
      },
    });
    const { replica, raft } = addReplica(1);
    raft.updates.push({ mustSave: true, entriesToSave: entries(1, 1) });
    clock.runDeferred();
    await settle();
    expect(failed).toEqual([1]);
    expect(logDBErrors).toEqual([new Error('not even a promise')]);
    expect(() => engine.add(replica)).toThrow('restart this host');
  });

  it('applies after it has started the save, and notifies the core', () => {
    const { clock, addReplica } = setUp();
    const { raft } = addReplica(1);
    raft.updates.push({ mustSave: true, entriesToSave: entries(4, 1), entriesToApply: entries(1, 3) });
    clock.runDeferred();
    expect(story).toEqual(['save 1x1', '1: apply 3', '1: applied 3']);
  });

  it('stops a replica whose invariant broke, and no other', () => {
    const { clock, failed, addReplica } = setUp();
    const broken = addReplica(1);
    const sound = addReplica(2);
    broken.raft.failOnStep = true;
    broken.replica.receive(message(1, Heartbeat));
    sound.replica.receive(message(2, Heartbeat));
    clock.runDeferred();
    expect(failed).toEqual([1]);
    expect(story).toEqual(['2: step 17']);
    broken.replica.receive(message(1, Heartbeat));
    clock.runDeferred();
    expect(story).toEqual(['2: step 17']);
  });

  it('reads a log again that could not be opened for lack of descriptors, and stops for any other reason', async () => {
    let code: string | undefined = 'EMFILE';
    const { clock, failed, addReplica } = setUp({
      iterateEntries: () =>
        code === undefined
          ? Promise.resolve({ entries: entries(1, 2), sizeBytes: 0 })
          : Promise.reject(Object.assign(new Error('not read'), { code })),
    });
    const { replica, raft } = addReplica(1);
    const read = async (): Promise<void> => {
      raft.updates.push({ logReads: [{ nodeID: 2, low: 1, high: 3, maxSizeBytes: 100 }] });
      replica.receive(message(1, Heartbeat));
      clock.runDeferred();
      await settle();
    };
    await read();
    code = undefined;
    clock.advance(1_000);
    await settle();
    clock.runDeferred();
    expect([failed, story.at(-1)]).toEqual([[], '1: stepLogRead 2']);
    code = 'EIO';
    await read();
    expect(failed).toEqual([1]);
  });

  it('never retries a failed save: every replica goes out, nothing more is saved or answered', async () => {
    const { clock, saves, failed, logDBErrors, addReplica } = setUp();
    const first = addReplica(1);
    addReplica(2);
    first.raft.updates.push({
      mustSave: true,
      entriesToSave: entries(1, 1),
      messagesAfterSave: [message(1, ReplicateResp)],
    });
    clock.runDeferred();
    saves[0]?.reject(new Error('EIO'));
    await settle();
    expect(failed.sort()).toEqual([1, 2]);
    expect(logDBErrors).toHaveLength(1);
    first.raft.updates.push({ mustSave: true, entriesToSave: entries(2, 1) });
    first.replica.receive(message(1, Heartbeat));
    clock.runDeferred();
    expect(saves).toHaveLength(1);
    expect(story).not.toContain('1: send 13');
  });

  it('takes every replica out when a record outside of its saves could not be written, once', async () => {
    const { clock, saves, failed, logDBErrors, addReplica } = setUp();
    const first = addReplica(1);
    addReplica(2);
    first.raft.updates.push({ mustSave: true, entriesToSave: entries(1, 1) });
    clock.runDeferred();
    first.replica.recordFailed(new Error('EIO'));
    expect(failed.sort()).toEqual([1, 2]);
    saves[0]?.reject(new Error('fenced'));
    await settle();
    expect(failed).toHaveLength(2);
    expect(logDBErrors).toEqual([new Error('EIO')]);
  });

  it('stops the one replica whose update the LogDB refuses, and saves the others', async () => {
    const { clock, saves, failed, logDBErrors, addReplica } = setUp();
    const first = addReplica(1);
    const second = addReplica(2);
    for (const { raft, replica } of [first, second]) {
      raft.updates.push({
        mustSave: true,
        entriesToSave: entries(1, 1),
        messagesAfterSave: [message(replica.clusterID, ReplicateResp)],
      });
    }
    clock.runDeferred();
    first.raft.updates.push({ mustSave: true, entriesToSave: entries(2, 1) });
    first.replica.receive(message(1, Heartbeat));
    clock.runDeferred();
    saves[0]?.reject(new ErrUpdateRefused('a term too large', { details: { clusterID: 1, nodeID: 1 } }));
    await settle();
    expect(saves[1]?.updates.map(({ clusterID }) => clusterID)).toEqual([2]);
    saves[1]?.resolve();
    await settle();
    expect(failed).toEqual([1]);
    expect(logDBErrors).toEqual([]);
    expect(saves).toHaveLength(2);
    expect(story).toContain('2: send 13');
    expect(story).not.toContain('1: send 13');
    expect(first.replica.unsavedUpdates).toBe(0);
  });

  it('waits for what is on its way to the disk when a replica leaves', async () => {
    const { clock, engine, saves, addReplica } = setUp();
    const { replica, raft } = addReplica(1);
    raft.updates.push({ mustSave: true, entriesToSave: entries(1, 1) });
    clock.runDeferred();
    let removed = false;
    const removal = engine.remove(replica).then(() => {
      removed = true;
    });
    await settle();
    expect(removed).toBe(false);
    saves[0]?.resolve();
    await removal;
    expect(story).not.toContain('1: saved 1');
  });
});

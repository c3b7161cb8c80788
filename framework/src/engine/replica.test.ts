import { describe, expect, it } from '@jest/globals';
import {
  type Message,
  MessageType,
  type Snapshot,
  emptyMembership,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import type { RaftUpdate } from '../raft/index.js';
import { entries, message, settle, setUp, story } from './testing/engine-bench.js';

const { Heartbeat, Replicate } = MessageType;
const noSnapshot = (): Snapshot => ({
  filepath: '',
  fileSize: 0,
  index: 0,
  term: 0,
  membership: emptyMembership(),
  files: [],
});

describe('a Replica', () => {
  it('bounds what a replica takes in', () => {
    const { clock, addReplica } = setUp();
    const { replica } = addReplica(1);
    for (let i = 0; i < 100; i++) replica.receive(message(1, Heartbeat));
    expect(replica.admits(900)).toBe(true);
    replica.propose(makeEntry({ cmd: new Uint8Array(900) }));
    expect(replica.admits(900)).toBe(false);
    clock.runDeferred();
    expect(story.filter((line) => line === '1: step 17').length).toBeLessThan(20);
    expect(replica.admits(900)).toBe(true);
  });

  it('counts what waits to be taken as memory of the host, until it is taken or the replica stops', async () => {
    const { clock, engine, memory, addReplica } = setUp();
    const { replica } = addReplica(1);
    for (let i = 0; i < 2; i++) {
      replica.receive(message(1, Heartbeat));
      replica.propose(makeEntry({ cmd: new Uint8Array(100) }));
      expect(memory.pinnedBytes).toBeGreaterThan(200);
      if (i > 0) continue;
      clock.runDeferred();
      expect(memory.pinnedBytes).toBe(0);
    }
    engine.failed(replica, new Error('told to stop'));
    await replica.stop();
    expect(memory.pinnedBytes).toBe(0);
  });

  it('takes no entries beside others while the host is short of memory, and messages without any', () => {
    const { clock, memory, addReplica } = setUp();
    const { replica } = addReplica(1);
    addReplica(2);
    memory.open().pin(800);
    const withEntry = (): Message => ({ ...message(1, Replicate), entries: entries(1, 1) });
    const received = [withEntry(), withEntry(), message(1, Heartbeat), withEntry()];
    for (const each of received) replica.receive(each);
    clock.runDeferred();
    expect(story).toEqual(['1: step 12', '1: step 17']);
  });

  it('notifies the core once that a message of its leader is arriving, and of no other', () => {
    const { clock, addReplica } = setUp();
    const { replica, raft } = addReplica(1);
    raft.leaderID = 2;
    for (const nodeID of [3, 2, 2, 3]) replica.arriving(nodeID, 7);
    clock.runDeferred();
    replica.arriving(3, 7);
    replica.receive(message(1, Heartbeat));
    clock.runDeferred();
    expect(story).toEqual(['1: arrival 7', '1: step 17']);
  });

  it('discards a received snapshot that the core has no use for, and only that', () => {
    const { clock, addReplica } = setUp();
    const { replica, raft } = addReplica(1);
    const arrive = (index: number): void => {
      const arrived = makeMessage({ type: MessageType.InstallSnapshot, clusterID: 1, to: 1 });
      replica.receiveSnapshot(arrived, index);
      clock.runDeferred();
    };
    const snapshot = { index: 7, membership: emptyMembership() } as NonNullable<RaftUpdate['snapshot']>;
    raft.updates.push({ mustSave: true, snapshot });
    arrive(7); // asked for at once
    arrive(5); // not asked for
    replica.receive(message(1, Heartbeat));
    clock.runDeferred();
    replica.receive(message(1, Heartbeat));
    clock.runDeferred();
    expect(story.filter((line) => line.startsWith('discard'))).toEqual(['discard 5']);
  });

  it('gives a received snapshot to the state machine only when its record is durable', async () => {
    const { clock, saves, addReplica } = setUp();
    const { raft } = addReplica(1);
    const snapshot = { ...noSnapshot(), index: 5, term: 1 };
    raft.updates.push({ mustSave: true, snapshot });
    clock.runDeferred();
    raft.updates.push({ entriesToApply: entries(6, 1) });
    await settle();
    expect(story).toEqual(['save 1x0']);
    saves[0]?.resolve();
    await settle();
    clock.runDeferred();
    await settle();
    expect(story).toEqual([
      'save 1x0',
      '1: saved 0',
      'recover 5',
      '1: applied 5',
      '1: apply 1',
      '1: applied 6',
    ]);
  });

  it('stops without the snapshot whose record does not get to the disk', async () => {
    const { clock, engine, addReplica } = setUp({ saveRaftState: () => new Promise(() => undefined) });
    const { replica, raft } = addReplica(1);
    raft.updates.push({ mustSave: true, snapshot: { ...noSnapshot(), index: 5, term: 1 } });
    clock.runDeferred();
    await settle();
    engine.failed(replica, new Error('told to stop'));
    await replica.stop();
    expect(story).toEqual([]);
  });

  it('bounds the proposals that have not ended, wherever they are', () => {
    const { replica } = setUp().addReplica(1);
    for (let i = 0; i < 2; i++) {
      expect(replica.admits(1)).toBe(true);
      replica.proposals.add({ operation: 'proposal', clientID: 7, deadlineMs: 10 });
    }
    expect(replica.admits(1)).toBe(false);
    replica.proposals.expire(10);
    expect(replica.admits(1)).toBe(true);
  });

  it('bounds the reads that wait', () => {
    const { replica } = setUp().addReplica(1);
    for (let i = 0; i < 3; i++) {
      expect(replica.admitsRead).toBe(true);
      replica.read(10);
    }
    expect(replica.admitsRead).toBe(false);
    replica.reads.expire(10);
    expect(replica.admitsRead).toBe(true);
  });
});

import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  type Entry,
  ErrUpdateRefused,
  type ILogDB,
  type Message,
  MessageType,
  type Snapshot,
  type Update,
  emptyMembership,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import { LogDisk } from '../fs/log-disk.js';
import { NodeFileSystem } from '../fs/node-file-system.js';
import { silentLogger } from '../logging/logger.js';
import { type IRaft, MemoryBudget, type RaftUpdate } from '../raft/index.js';
import { PendingConfigChange } from '../requests/pending-config-change.js';
import { PendingProposals } from '../requests/pending-proposals.js';
import { PendingReads } from '../requests/pending-reads.js';
import { EntryPayloads, type ReplicatedStateMachine } from '../rsm/index.js';
import { Operations } from '../runtime/operations.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { Engine } from './engine.js';
import { RejectedMessages } from './rejected-messages.js';
import { Replica } from './replica.js';
import type { ISnapshotter } from './snapshotter-contract.js';
import { ScriptedRaft } from './testing/scripted-raft.js';

/** What happened, in order, in one line each. */
let story: string[] = [];
beforeEach(() => {
  story = [];
});

const noSnapshots: ISnapshotter = {
  isLogStuck: () => false,
  tick: () => undefined,
  store: undefined as unknown as ISnapshotter['store'],
  signal: new AbortController().signal,
  discard: (index) => void story.push(`discard ${index}`),
  applied: () => undefined,
  handedOut: () => undefined,
  resumeCompaction: () => undefined,
  request: () => Promise.resolve(0),
  compact: () => Promise.resolve(),
  upToDate: () => Promise.reject(new Error('there are no snapshots')),
  hold: (work) => work,
  isDamaged: () => false,
  damaged: () => undefined,
  replaceDamaged: () => undefined,
  recover: ({ index }) => Promise.resolve(void story.push(`recover ${index}`)),
  stop: () => Promise.resolve(),
};

interface Save {
  updates: readonly Update[];
  resolve: () => void;
  reject: (error: Error) => void;
}

function setUp(logDB: Partial<ILogDB> = {}) {
  const clock = new ManualClock();
  const saves: Save[] = [];
  const failed: number[] = [];
  const memory = new MemoryBudget(1000);
  const logDBErrors: unknown[] = [];
  const engine = new Engine({
    logDB: {
      saveRaftState: (updates: readonly Update[]) => {
        story.push(
          `save ${updates.map((update) => `${update.clusterID}x${update.entriesToSave.length}`).join(' ')}`,
        );
        return new Promise<void>((resolve, reject) => saves.push({ updates, resolve, reject }));
      },
      ...logDB,
    } as unknown as ILogDB,
    sender: {
      send: (messages) => {
        for (const message of messages) story.push(`${message.clusterID}: send ${message.type}`);
      },
      flush: () => undefined,
    },
    listener: {
      onLeaderChanged: () => undefined,
      onReport: () => undefined,
      onMembershipChanged: () => undefined,
      onLevelRaised: () => undefined,
      onSettingsChanged: () => undefined,
      onMemberOutdated: () => undefined,
      onReplicaFailed: (replica) => failed.push(replica.clusterID),
      onLogStuck: () => undefined,
      onLogDBFailed: (error) => logDBErrors.push(error),
    },
    clock,
    logger: silentLogger,
    tickMs: 100,
    memory,
    disk: new LogDisk({ fileSystem: new NodeFileSystem(), dirs: [], reserveBytes: 0, clock }),
  });
  const addReplica = (clusterID: number): { replica: Replica; raft: ScriptedRaft } => {
    const raft = new ScriptedRaft(clusterID, (line) => void story.push(line));
    const replica = new Replica(
      {
        clusterID,
        nodeID: 1,
        limits: { proposalQueueBytes: 1000, receiveQueueBytes: 1000, proposalCount: 2, readQueueLength: 3 },
        proposals: new PendingProposals(clusterID, 1),
        reads: new PendingReads(clusterID, 1),
        configChange: new PendingConfigChange(clusterID, 1),
        payloads: new EntryPayloads('none', undefined),
        rejected: new RejectedMessages(silentLogger),
        operations: new Operations(new ManualClock(), () => undefined),
        clock: new ManualClock(),
        memory: memory.open(),
      },
      engine,
    );
    const rsm = {
      lastApplied: 0,
      apply: (entries: Entry[]) => void story.push(`${clusterID}: apply ${entries.length}`),
      close: () => Promise.resolve(),
    };
    replica.attach(raft as unknown as IRaft, rsm as unknown as ReplicatedStateMachine, noSnapshots);
    engine.add(replica);
    return { replica, raft };
  };
  return { clock, engine, saves, failed, logDBErrors, memory, addReplica };
}

const noSnapshot = (): Snapshot => ({
  filepath: '',
  fileSize: 0,
  index: 0,
  term: 0,
  membership: emptyMembership(),
  files: [],
});
const message = (clusterID: number, type: Message['type']): Message =>
  makeMessage({ type, clusterID, to: 2 });
const entries = (first: number, count: number): Entry[] =>
  Array.from({ length: count }, (_, i) => makeEntry({ term: 1, index: first + i }));
const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};
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

  it('applies after it has started the save, and tells the core', () => {
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

  it('ticks every replica by one timer, but not one that is quiesced', () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    addReplica(1);
    addReplica(2).raft.isQuiesced = true;
    clock.advance(250);
    expect(story).toEqual(['1: tick', '1: tick']);
  });

  it('has every replica let go of memory when the host holds too much, idle ones too', () => {
    const { clock, engine, memory, addReplica } = setUp();
    engine.start();
    addReplica(1);
    addReplica(2).raft.isQuiesced = true;
    const other = memory.open();
    other.pin(2000);
    other.add(-900, 900);
    clock.advance(100);
    expect(story).toEqual(['1: shedMemory', '2: shedMemory', '1: tick']);
    other.close();
    clock.advance(100);
    expect(story.slice(3)).toEqual(['1: tick']);
  });

  it('does not even look at an idle replica, until something wakes it or a request waits', () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const { replica, raft } = addReplica(1);
    raft.isQuiesced = true;
    clock.advance(150);
    let looks = 0;
    Object.defineProperty(raft, 'isQuiesced', { get: () => ++looks > 0 });
    clock.advance(1000);
    expect(looks).toBe(0);
    const request = replica.read(engine.nowMs + 300);
    clock.advance(200);
    expect(request.outcome).toBeUndefined();
    clock.advance(100);
    expect(request.outcome).toBe('timeout');
    looks = 0;
    clock.advance(1000);
    expect(looks).toBe(0);
    replica.receive(message(1, Heartbeat));
    clock.advance(100);
    expect(story).toEqual(['1: readIndex', '1: step 17']);
    expect(looks).toBeGreaterThan(0);
  });

  it('ends a request by the time that has passed, and not by the number of ticks, when ticks are late', () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const { replica } = addReplica(1);
    const request = replica.read(engine.nowMs + 500);
    const later = replica.read(engine.nowMs + 2_000);
    const nowMs = clock.nowMs.bind(clock);
    clock.nowMs = () => nowMs() + 900; // the event loop was busy
    clock.advance(100);
    expect([request.outcome, later.outcome]).toEqual(['timeout', undefined]);
    clock.advance(900);
    expect(later.outcome).toBeUndefined();
    clock.advance(100);
    expect(later.outcome).toBe('timeout');
  });

  it('goes on ticking a replica that woke between two ticks', () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const { replica, raft } = addReplica(1);
    raft.isQuiesced = true;
    clock.advance(150);
    const { step } = raft;
    raft.step = (heartbeat) => {
      raft.isQuiesced = false;
      step(heartbeat);
    };
    replica.receive(message(1, Heartbeat));
    clock.advance(300);
    expect(story).toEqual(['1: step 17', '1: tick', '1: tick', '1: tick']);
  });

  it('lets no timer fire while every replica is idle, and has one again as soon as one wakes', async () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const atRest = clock.timerCount;
    const first = addReplica(1);
    const second = addReplica(2);
    first.raft.isQuiesced = true;
    clock.advance(100);
    expect(clock.timerCount).toBe(atRest + 1); // the other one ticks
    second.raft.isQuiesced = true;
    clock.advance(100);
    expect(clock.timerCount).toBe(atRest);
    const { nowTick } = engine;
    clock.advance(3_600_000);
    expect(engine.nowTick).toBe(nowTick);
    first.raft.isQuiesced = false;
    first.replica.receive(message(1, Heartbeat));
    clock.advance(300);
    expect(story.slice(-4)).toEqual(['1: step 17', '1: tick', '1: tick', '1: tick']);
    expect(engine.nowTick).toBe(nowTick + 3);
    await engine.stop();
    second.replica.receive(message(2, Heartbeat));
    addReplica(3);
    expect(clock.timerCount).toBe(0);
  });

  it('has replicas that sleep look for members that lack entries, now and then, by one timer', async () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const atRest = clock.timerCount;
    const { raft } = addReplica(1);
    const healthy = addReplica(2).raft;
    for (const core of [raft, healthy]) core.isQuiesced = true;
    raft.membersToSeek = [3, 4];
    clock.advance(100);
    expect(clock.timerCount).toBe(atRest + 1);
    clock.advance(9_999);
    expect(story).toEqual([]);
    clock.advance(1);
    expect(story).toEqual(['1: seek 3', '1: seek 4']);
    raft.membersToSeek = [4];
    clock.advance(20_200);
    expect(story.slice(2)).toEqual(['1: seek 4', '1: seek 4']);
    raft.membersToSeek = [];
    clock.advance(10_000);
    expect([clock.timerCount, story.length]).toEqual([atRest, 4]);
    raft.membersToSeek = [4];
    await engine.stop();
    expect(clock.timerCount).toBe(0);
  });

  it('tells those who miss a member that its host is heard of', () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const asleep = addReplica(1).raft;
    const lost = addReplica(2).raft;
    addReplica(3);
    asleep.isQuiesced = true;
    asleep.membersToSeek = [3, 4];
    lost.membersToSeek = [3];
    clock.advance(100);
    story = [];
    engine.hostReachable((_, nodeID) => nodeID === 3);
    clock.runDeferred();
    expect(story.sort()).toEqual(['1: seek 3', '2: seek 3']);
  });

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

import { type Entry, type ILogDB, type Message, type Update, makeEntry, makeMessage } from '@drakkar/raftio';
import type { DiskLevel } from '../../fs/log-disk.js';
import { silentLogger } from '../../logging/logger.js';
import { type IRaft, MemoryBudget } from '../../raft/index.js';
import { PendingConfigChange } from '../../requests/pending-config-change.js';
import { PendingProposals } from '../../requests/pending-proposals.js';
import { PendingReads } from '../../requests/pending-reads.js';
import { EntryPayloads, type ReplicatedStateMachine } from '../../rsm/index.js';
import { Operations } from '../../runtime/operations.js';
import { ManualClock } from '../../runtime/testing/manual-clock.js';
import { Engine, type EngineDependencies } from '../engine.js';
import { RejectedMessages } from '../rejected-messages.js';
import { Replica } from '../replica.js';
import type { ISnapshotter } from '../snapshotter-contract.js';
import { ScriptedRaft } from './scripted-raft.js';

/** What happened since the last `setUp`, in order, in one line each. */
export const story: string[] = [];

const noSnapshots: ISnapshotter = {
  isLogStuck: (level) => level === 'short',
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

/** An engine whose saves the test ends, and replicas with scripted cores. */
export function setUp(logDB: Partial<ILogDB> = {}) {
  story.length = 0;
  const clock = new ManualClock();
  const disk = { level: 'ample' as DiskLevel, description: '', tick: () => undefined };
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
      onLogStuck: ({ clusterID }, isStuck) =>
        void story.push(`${clusterID}: the log ${isStuck ? 'must not' : 'may'} grow`),
      onLogDBFailed: (error) => logDBErrors.push(error),
    },
    clock,
    logger: silentLogger,
    tickMs: 100,
    memory,
    disk: disk as unknown as EngineDependencies['disk'],
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
  return { clock, disk, engine, saves, failed, logDBErrors, memory, addReplica };
}

export const message = (clusterID: number, type: Message['type']): Message =>
  makeMessage({ type, clusterID, to: 2 });
export const entries = (first: number, count: number): Entry[] =>
  Array.from({ length: count }, (_, i) => makeEntry({ term: 1, index: first + i }));
export const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

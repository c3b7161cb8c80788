import {
  ClockID,
  DirectoryLockID,
  FileSystemID,
  type IClock,
  type IFileSystem,
  LoggerFactoryID,
  RandomID,
  SeededRandom,
} from '@drakkar/framework';
import { RaftFactoryID, createRaft } from '@drakkar/framework/internals';
import type {
  HeldLock,
  IDirectoryLock,
  ILoggerFactory,
  NodeHostConfigInput,
  Overrides,
} from '@drakkar/framework';
import type { RaftFactory } from '@drakkar/framework/internals';
import { type LogDBFactory, LogDBFactoryID, type RaftRPCFactory, RaftRPCFactoryID } from '@drakkar/raftio';
import { KVLogDB } from '@drakkar/raftio/kv';
import { JournalKV } from '../disk/journal-kv.js';
import { type LogDBWatcher, watchLogDB } from '../disk/watched-logdb.js';
import type { Network } from '../net/network.js';
import { VirtualRPC } from '../net/virtual-rpc.js';
import type { Life } from '../world/life.js';
import type { Scenario } from './scenario.js';
import { type RaftWatcher, TappedRaft } from './tapped-raft.js';

const DATA_DIR = '/data';
export const SCRATCH_DIR = '/scratch';

/** A process is alone with its disk here: a crashed one holds no lock. */
class VirtualLock implements IDirectoryLock {
  async acquire(): Promise<HeldLock> {
    return { release: () => Promise.resolve() };
  }
}

/** As of a machine that was copied while it ran: what is below a bound is always the same. */
class SameDraws extends SeededRandom {
  override nextInt(bound: number): number {
    return bound >> 1;
  }
}

/** The worlds that a NodeHost is put into. */
export interface HostWorld {
  life: Life;
  clock: IClock;
  fileSystem: IFileSystem;
  network: Network;
  randomSeed: number;
  hasSameDraws: boolean;
  loggerFactory: ILoggerFactory;
  logDBWatcher: LogDBWatcher;
  raftWatcher: RaftWatcher;
}

/** Binds the virtual world in the place of the real one, by the container that makes real hosts. */
export function bindWorld(world: HostWorld): Overrides {
  const { life, fileSystem, network } = world;
  const openLogDB: LogDBFactory = async ({ dir }) => {
    const kv = await JournalKV.open(fileSystem, dir);
    return watchLogDB(await KVLogDB.open(kv, { name: 'journal' }), world.logDBWatcher);
  };
  const makeRPC: RaftRPCFactory = (config, requestHandler, chunkSinkFactory) =>
    new VirtualRPC(network, life, config, requestHandler, chunkSinkFactory);
  const makeRaft: RaftFactory = (config, init) => {
    world.raftWatcher.started(config, init);
    return new TappedRaft(createRaft(config, init), config, world.raftWatcher);
  };
  return (container) => {
    container.bind(ClockID).toConstantValue(world.clock);
    container.bind(FileSystemID).toConstantValue(fileSystem);
    container
      .bind(RandomID)
      .toConstantValue(
        world.hasSameDraws ? new SameDraws(world.randomSeed) : new SeededRandom(world.randomSeed),
      );
    container.bind(DirectoryLockID).toConstantValue(new VirtualLock());
    container.bind(LoggerFactoryID).toConstantValue(world.loggerFactory);
    container.bind(LogDBFactoryID).toConstantValue(openLogDB);
    container.bind(RaftRPCFactoryID).toConstantValue(makeRPC);
    container.bind(RaftFactoryID).toConstantValue(makeRaft);
  };
}

const KIB = 1024;

export function hostConfig(raftAddress: string, scenario: Scenario): NodeHostConfigInput {
  const { tickMs, hasSmallBuffers, maxSessionCount, links, extensions } = scenario;
  const small = {
    maxReplicateBytes: 4 * KIB,
    maxInflightBytes: 8 * KIB,
    maxInflightMessages: 4,
    maxLogReadBytes: 4 * KIB,
    maxBatchBytes: 4 * KIB,
    connectionBufferBytes: 64 * KIB,
    maxInMemLogBytes: 64 * KIB,
    maxHostMemoryBytes: 96 * KIB,
    proposalQueueBytes: 64 * KIB,
    readIndexQueueLength: 8,
    snapshotWorkerCount: 1,
    maxSnapshotSendCount: 1,
    maxSnapshotReceiveCount: 1,
  };
  return {
    raftAddress,
    nodeHostDir: DATA_DIR,
    rttMillisecond: tickMs,
    hardSettings: { lruMaxSessionCount: maxSessionCount },
    settings: {
      connectTimeoutMs: 1_000,
      breakerMinBackoffMs: 20,
      breakerMaxBackoffMs: 500,
      // Where a chunk takes its time on the way, none may come for so long.
      snapshotStallTimeoutMs: links === undefined && !extensions.includes('leader-flaps') ? 3_000 : 30_000,
      // States are seldom compared otherwise, and a membership spelled differently is no other one.
      ...(extensions.includes('spellings') ? { stateCheckEntries: 20, stateCheckIntervalMs: 2_000 } : {}),
      ...(hasSmallBuffers ? small : {}),
    },
  };
}

import { MemoryHub, MemoryLogDB, MemoryPlace, MemoryRPC } from '@drakkar/conformance';
import {
  DirectoryLockID,
  FileSystemID,
  type HostListener,
  LoggerFactoryID,
  NodeHost,
  type NodeHostConfigInput,
  type Overrides,
  silentLoggerFactory,
} from '@drakkar/framework';
import {
  type Bootstrap,
  type ChunkSinkFactory,
  LogDBFactoryID,
  type NodeInfo,
  type RaftRPCConfig,
  RaftRPCFactoryID,
  type RequestHandler,
  type Snapshot,
} from '@drakkar/raftio';
import { MemoryDisk, type Survival } from '../../framework/src/snapshot/testing/memory-disk.js';

export const MACHINE_CONFIG: NodeHostConfigInput = {
  raftAddress: 'machine-1:1000',
  nodeHostDir: '/data',
  rttMillisecond: 5,
};

/** Its writes that concern a replica as a whole count as operations of the disk: a crash may come before each. */
class DiskLogDB extends MemoryLogDB {
  readonly #disk: MemoryDisk;

  constructor(place: MemoryPlace, disk: MemoryDisk) {
    super(place);
    this.#disk = disk;
  }

  override async saveBootstrapInfo(clusterID: number, nodeID: number, bootstrap: Bootstrap): Promise<void> {
    await this.#disk.stat('/saveBootstrapInfo');
    await super.saveBootstrapInfo(clusterID, nodeID, bootstrap);
  }

  override async removeNodeData(clusterID: number, nodeID: number): Promise<void> {
    await this.#disk.stat('/removeNodeData');
    await super.removeNodeData(clusterID, nodeID);
  }

  override async importSnapshot(snapshot: Snapshot, info: NodeInfo): Promise<void> {
    await this.#disk.stat('/importSnapshot');
    await super.importSnapshot(snapshot, info);
  }
}

/** A machine whose disk, LogDB included, is in memory, and which may lose its power at any operation. */
export class MemoryMachine {
  readonly disk: MemoryDisk;
  readonly place: MemoryPlace;

  constructor(disk = new MemoryDisk(), place = new MemoryPlace()) {
    this.disk = disk;
    this.place = place;
  }

  /** What a host on this machine is made of. */
  get overrides(): Overrides {
    const { disk, place } = this;
    return (container) => {
      container.bind(LoggerFactoryID).toConstantValue(silentLoggerFactory);
      container.bind(FileSystemID).toConstantValue(disk);
      container
        .bind(DirectoryLockID)
        .toConstantValue({ acquire: () => Promise.resolve({ release: () => Promise.resolve() }) });
      container.bind(LogDBFactoryID).toConstantValue(() => Promise.resolve(new DiskLogDB(place, disk)));
      const hub = new MemoryHub();
      container
        .bind(RaftRPCFactoryID)
        .toConstantValue((config: RaftRPCConfig, handler: RequestHandler, sinks: ChunkSinkFactory) => {
          return new MemoryRPC(hub, config, handler, sinks);
        });
    };
  }

  open(events: HostListener = {}): Promise<NodeHost> {
    return NodeHost.create(MACHINE_CONFIG, { overrides: this.overrides, events });
  }

  /** The machine after a power failure, or a copy of it; this one must not be used any more after a failure. */
  restart(survival: Survival): MemoryMachine {
    const place = new MemoryPlace();
    for (const [key, { bootstrap, state, log, removedTo, snapshots }] of this.place.records) {
      const copy = { bootstrap, state: state && { ...state }, log: [...log], removedTo };
      place.records.set(key, { ...copy, snapshots: new Map(snapshots) });
    }
    return new MemoryMachine(this.disk.restart(survival), place);
  }
}

/**
 * Runs `work` on copies of a machine, each of which loses its power at another operation of its disk, until one gets
 * through; then `inspect` looks at what is left.
 *
 * @returns number of operations that `work` takes
 */
export async function atEveryCrash(
  machine: MemoryMachine,
  survivalOf: (round: number) => Survival,
  work: (machine: MemoryMachine) => Promise<void>,
  inspect: (machine: MemoryMachine, done: boolean) => Promise<void>,
): Promise<number> {
  for (let round = 1; ; round++) {
    const victim = machine.restart('all');
    victim.disk.crashAt = round;
    const done = await work(victim).then(
      () => true,
      () => false,
    );
    await inspect(victim.restart(survivalOf(round)), done);
    if (done) return round - 1;
  }
}

import {
  type Bootstrap,
  type EntrySlice,
  ErrLogDBClosed,
  type ILogDB,
  type NodeInfo,
  type RaftState,
  type Snapshot,
  type Update,
  decodeBootstrap,
  decodeSnapshot,
  encodeBootstrap,
  encodeSnapshot,
} from '@drakkar/raftio';
import { CallsUnderWay } from '@drakkar/raftio/kv';
import { type Op, OpType, makeOp } from './format/ops.js';
import { applyOp } from './index/apply.js';
import type { Replica, ReplicaMap } from './index/replica.js';
import { Cleaner } from './log/cleaner.js';
import type { LogFiles } from './log/files.js';
import { EntryReader, pinPieces } from './log/reader.js';
import { type Recovered, Recovery } from './log/recovery.js';
import type { Segments } from './log/segments.js';
import { type RandomBytes, Writer } from './log/writer.js';
import { checkCallSize, updateOps } from './update-ops.js';

export interface WalOptions {
  /** Folder of the log alone. */
  dir: string;
  files: LogFiles;
  /** A segment that has reached it is followed by the next one. */
  segmentBytes: number;
  alignmentBytes: number;
  /** Whether there was a log here before. */
  isKnown: boolean;
  randomBytes: RandomBytes;
  /** Calls back once after a pause in which nothing was written; returns what cancels it. */
  afterPause: (callback: () => void) => () => void;
  /** Told of what was under way when the log was last left, and was dropped. */
  onDropped?: (droppedBytes: number) => void;
  /** Called when all files are closed. */
  onClosed?: () => Promise<void>;
}

/**
 * An `ILogDB` in one append-only log for all replicas. Each call takes effect in memory at once, in the order of the
 * calls, and its ops go into the frame that is gathered; it settles when that frame is durable. A read takes note of
 * what it needs at once, too, and waits for the frames that this lies in.
 */
export class WalLogDB implements ILogDB {
  readonly name = 'wal';
  readonly #options: WalOptions;
  readonly #segments: Segments;
  readonly #replicas: ReplicaMap;
  readonly #writer: Writer;
  readonly #cleaner: Cleaner;
  readonly #underWay = new CallsUnderWay();
  /** Replicas of which entries were removed, and no frame says so yet. */
  readonly #withRemovals = new Set<Replica>();
  #cancelMark: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: WalOptions, { segments, replicas, control, head }: Recovered) {
    const { files, dir, segmentBytes, alignmentBytes, randomBytes } = options;
    this.#options = options;
    this.#segments = segments;
    this.#replicas = replicas;
    this.#writer = new Writer({
      ...{ files, dir, segmentBytes, alignmentBytes, control, segments, head, randomBytes },
      onOp: (op, place) => {
        applyOp(replicas, op, place);
      },
      takeLazyOps: () => this.#takeRemovals(),
    });
    const writer = this.#writer;
    this.#cleaner = new Cleaner({ files, dir, segmentBytes, segments, replicas, control, writer });
  }

  /** Rejects with ErrLogDBCorrupt when what is there is damaged. */
  static async open(options: WalOptions): Promise<WalLogDB> {
    const recovered = await new Recovery(options).run();
    if (recovered.droppedBytes > 0) options.onDropped?.(recovered.droppedBytes);
    return new WalLogDB(options, recovered);
  }

  async listNodeInfo(): Promise<NodeInfo[]> {
    this.#checkOpen();
    return this.#underWay.track(async () => {
      const all = [...this.#replicas.all()];
      const listed = all.filter(({ bootstrap }) => bootstrap !== undefined);
      const commits = all.map(({ lastCommit }) => lastCommit);
      const nodes = listed.map(({ clusterID, nodeID }) => ({ clusterID, nodeID }));
      for (const commit of commits) await commit;
      return nodes;
    });
  }

  async saveBootstrapInfo(clusterID: number, nodeID: number, bootstrap: Bootstrap): Promise<void> {
    this.#checkOpen();
    const of = { clusterID, nodeID };
    await this.#write([makeOp(OpType.bootstrap, of, { body: encodeBootstrap(bootstrap) })]);
  }

  async getBootstrapInfo(clusterID: number, nodeID: number): Promise<Bootstrap | undefined> {
    return this.#read(
      { clusterID, nodeID },
      ({ bootstrap }) => bootstrap && decodeBootstrap(bootstrap.body.slice()),
    );
  }

  async saveRaftState(updates: readonly Update[]): Promise<void> {
    this.#checkOpen();
    const ops = updates.flatMap((update) => updateOps(update, this.#replicas.find(update)));
    if (ops.length > 0) await this.#write(ops);
  }

  async iterateEntries(
    clusterID: number,
    nodeID: number,
    low: number,
    high: number,
    maxSizeBytes: number,
  ): Promise<EntrySlice> {
    this.#checkOpen();
    const replica = this.#replicas.find({ clusterID, nodeID });
    if (replica === undefined) return { entries: [], sizeBytes: 0 };
    const pinned = pinPieces(this.#segments, replica, { low, high, maxSizeBytes });
    return this.#underWay.track(async () => {
      try {
        await replica.lastCommit;
        return await new EntryReader(replica, pinned).read(maxSizeBytes);
      } finally {
        for (const piece of pinned) await this.#segments.unpin(piece.in);
      }
    });
  }

  async readRaftState(clusterID: number, nodeID: number, lastIndex: number): Promise<RaftState | undefined> {
    return this.#read(
      { clusterID, nodeID },
      (replica) => replica.state && { state: { ...replica.state.value }, ...replica.extentAbove(lastIndex) },
    );
  }

  async removeEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    this.#checkOpen();
    const replica = this.#replicas.find({ clusterID, nodeID });
    if (replica?.pieces.trimTo(index) !== true) return;
    replica.unwrittenRemoval = index;
    this.#withRemovals.add(replica);
  }

  async compactEntriesTo(clusterID: number, nodeID: number, _index: number): Promise<void> {
    this.#checkOpen();
    if (this.#replicas.find({ clusterID, nodeID }) === undefined) return;
    await this.#underWay.track(() => this.#cleaner.shrink());
    this.#writer.checkFence();
  }

  async saveSnapshots(updates: readonly Update[]): Promise<void> {
    this.#checkOpen();
    const ops = updates.flatMap((update) => {
      const { snapshot } = update;
      if (snapshot === undefined) return [];
      return [makeOp(OpType.snapshot, update, { index: snapshot.index, body: encodeSnapshot(snapshot) })];
    });
    if (ops.length > 0) await this.#write(ops);
  }

  async deleteSnapshot(clusterID: number, nodeID: number, index: number): Promise<void> {
    this.#checkOpen();
    await this.#write([makeOp(OpType.snapshotDeletion, { clusterID, nodeID }, { index })]);
  }

  async listSnapshots(clusterID: number, nodeID: number, index: number): Promise<Snapshot[]> {
    return (
      (await this.#read({ clusterID, nodeID }, ({ snapshots }) =>
        [...snapshots]
          .filter(([each]) => each <= index)
          .sort(([a], [b]) => a - b)
          .map(([, { body }]) => decodeSnapshot(body.slice())),
      )) ?? []
    );
  }

  async removeNodeData(clusterID: number, nodeID: number): Promise<void> {
    this.#checkOpen();
    const of = { clusterID, nodeID };
    await this.#write([makeOp(OpType.removal, of)]);
    const replica = this.#replicas.find(of);
    if (replica?.isEmpty === true) this.#replicas.delete(of);
  }

  async importSnapshot(snapshot: Snapshot, { clusterID, nodeID }: NodeInfo): Promise<void> {
    this.#checkOpen();
    const body = encodeSnapshot(snapshot);
    await this.#write([makeOp(OpType.import, { clusterID, nodeID }, { index: snapshot.index, body })]);
  }

  async close(): Promise<void> {
    this.#closing ??= this.#finish();
    await this.#closing;
  }

  async #finish(): Promise<void> {
    this.#cancelMark?.();
    try {
      await this.#underWay.ended();
      await this.#cleaner.idle();
      await this.#writer.flush().catch(() => undefined);
      await this.#writer.finish();
    } finally {
      await this.#segments.close();
      await this.#options.onClosed?.();
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new ErrLogDBClosed();
    this.#writer.checkFence();
  }

  /** Takes effect before it first waits. */
  async #write(ops: readonly Op[]): Promise<void> {
    checkCallSize(ops);
    const replicas = ops.map((op) => this.#replicas.get(op));
    await this.#underWay.track(async () => {
      const commit = this.#writer.submit(ops);
      for (const replica of replicas) replica.lastCommit = commit;
      await commit;
    });
    this.#afterWrite();
  }

  #afterWrite(): void {
    if (this.#closing !== undefined) return;
    if (this.#cleaner.isDue) this.#cleaner.start();
    this.#cancelMark?.();
    this.#cancelMark = this.#options.afterPause(() => {
      this.#writer.mark().catch(() => undefined);
    });
  }

  /** `look` looks at once; what it has seen is given out when that is durable. */
  async #read<T>(of: NodeInfo, look: (replica: Replica) => T): Promise<T | undefined> {
    this.#checkOpen();
    const replica = this.#replicas.find(of);
    if (replica === undefined) return undefined;
    const seen = look(replica);
    return this.#underWay.track(async () => {
      await replica.lastCommit;
      return seen;
    });
  }

  #takeRemovals(): Op[] {
    const ops: Op[] = [];
    for (const replica of this.#withRemovals) {
      if (replica.unwrittenRemoval === 0) continue;
      ops.push(makeOp(OpType.removedTo, replica, { index: replica.unwrittenRemoval }));
      replica.unwrittenRemoval = 0;
    }
    this.#withRemovals.clear();
    return ops;
  }
}

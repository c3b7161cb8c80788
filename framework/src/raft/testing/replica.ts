import type { Entry, Message, Snapshot } from '@drakkar/raftio';
import { EntryType } from '@drakkar/raftio';
import { createRaft } from '../raft.js';
import type { IRaft, LogReadRequest, RaftConfig, RaftUpdate } from '../types.js';
import { copyMembership } from './codec.js';
import { TestDisk } from './disk.js';
import { TestMachine } from './machine.js';

/** Who watches a replica: the network it sends by, and the oracle. */
export interface ReplicaWatcher {
  onSend(replica: TestReplica, message: Message): void;
  onUpdate(replica: TestReplica, update: RaftUpdate): void;
  onApply(replica: TestReplica, entry: Entry): void;
}

type ToApply = { entries: Entry[] } | { snapshot: Snapshot; isDurable: boolean };

/**
 * A core with a disk and a state machine, driven as an engine drives it, but one small step at a time: a test
 * decides when a save is done, when something is applied, and when it all crashes.
 */
export class TestReplica {
  readonly nodeID: number;
  readonly disk: TestDisk;
  machine: TestMachine;
  private readonly config: RaftConfig;
  private readonly watcher: ReplicaWatcher;
  private live: IRaft | undefined;
  private unsaved: RaftUpdate[] = [];
  private toApply: ToApply[] = [];
  logReads: LogReadRequest[] = [];

  constructor(config: RaftConfig, bootstrap: readonly Entry[], watcher: ReplicaWatcher) {
    this.nodeID = config.nodeID;
    this.config = config;
    this.watcher = watcher;
    this.disk = new TestDisk(bootstrap);
    this.machine = new TestMachine(undefined);
    this.start();
  }

  get isUp(): boolean {
    return this.live !== undefined;
  }

  get core(): IRaft {
    if (this.live === undefined) throw new Error(`replica ${this.nodeID} is down`);
    return this.live;
  }

  get unsavedCount(): number {
    return this.unsaved.length;
  }

  get hasToApply(): boolean {
    const first = this.toApply[0];
    return first !== undefined && ('entries' in first || first.isDurable);
  }

  start(): void {
    this.machine = new TestMachine(this.disk.snapshot);
    this.live = createRaft(this.config, this.disk.load());
    if (this.disk.snapshot !== undefined) this.live.snapshotCreated(this.disk.snapshot);
  }

  /** Loses everything but the disk. Of the saves under way, the first `completed` may yet have reached it. */
  crash(completed = 0): void {
    for (const update of this.unsaved.slice(0, completed)) this.disk.save(update);
    this.live = undefined;
    this.unsaved = [];
    this.toApply = [];
    this.logReads = [];
  }

  /** Takes the updates that there are. */
  pump(): void {
    while (this.core.hasUpdate()) {
      const update = this.core.getUpdate();
      this.watcher.onUpdate(this, update);
      for (const message of update.messages) this.watcher.onSend(this, message);
      this.logReads.push(...update.logReads);
      if (update.snapshot !== undefined) this.toApply.push({ snapshot: update.snapshot, isDurable: false });
      if (update.entriesToApply.length > 0) this.toApply.push({ entries: update.entriesToApply });
      this.unsaved.push(update);
      this.release();
    }
  }

  /** The oldest save is done. */
  completeSave(): void {
    const update = this.unsaved.shift();
    if (update === undefined) return;
    this.disk.save(update);
    for (const item of this.toApply) {
      if ('snapshot' in item && item.snapshot === update.snapshot) item.isDurable = true;
    }
    this.core.saved(update);
    for (const message of update.messagesAfterSave) this.watcher.onSend(this, message);
    this.release();
  }

  /** Updates with nothing to save wait only for those before them. */
  private release(): void {
    while (this.unsaved[0]?.mustSave === false) {
      const update = this.unsaved.shift();
      for (const message of update?.messagesAfterSave ?? []) this.watcher.onSend(this, message);
    }
  }

  /** Applies what was handed out first. */
  applyNext(): void {
    if (!this.hasToApply) return;
    const item = this.toApply.shift();
    if (item === undefined) return;
    if ('snapshot' in item) {
      this.machine.recover(item.snapshot);
      this.core.applied(item.snapshot.index);
      return;
    }
    for (const entry of item.entries) {
      const isAccepted = this.machine.apply(entry);
      this.watcher.onApply(this, entry);
      if (entry.type !== EntryType.ConfigChangeEntry) continue;
      if (isAccepted) this.core.applyConfigChange(copyMembership(this.machine.membership));
      else this.core.rejectConfigChange();
    }
    this.core.applied(this.machine.index);
  }

  answerLogRead(): void {
    const request = this.logReads.shift();
    if (request !== undefined) this.core.stepLogRead(request, this.disk.read(request));
  }

  takeSnapshot(): void {
    if (this.machine.index <= (this.disk.snapshot?.index ?? 0)) return;
    const snapshot = this.machine.snapshot();
    this.disk.saveSnapshot(snapshot);
    this.core.snapshotCreated(snapshot);
  }

  /** Removes entries up to `index`, at most those that the snapshot stands for. */
  compact(index: number): void {
    const end = Math.min(index, this.disk.snapshot?.index ?? 0, this.machine.index);
    if (end < 1) return;
    this.disk.removeEntriesTo(end);
    this.core.compacted(end);
  }
}

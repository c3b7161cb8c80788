import { crc32 } from 'node:zlib';
import type { RaftStatus } from '@drakkar/framework';
import type {
  IRaft,
  LogReadRequest,
  RaftConfig,
  RaftInit,
  RaftUpdate,
  ReadContext,
  SnapshotStreamReport,
} from '@drakkar/framework/internals';
import {
  type Entry,
  EntryType,
  REGISTER_SERIES_ID,
  type Membership,
  type Message,
  type Snapshot,
} from '@drakkar/raftio';
import type { SeenEntry } from '../invariants/observation.js';
import { changeInNormalForm } from './spellings.js';

export interface RaftWatcher {
  started(config: RaftConfig, init: RaftInit): void;
  updated(config: RaftConfig, update: RaftUpdate, core: IRaft): void;
  applied(config: RaftConfig, index: number): void;
  configured(config: RaftConfig, membership: Membership): void;
  /** A change was refused by the replicated state machine. */
  changeRefused(config: RaftConfig): void;
  /** Entries of clients are handed to a core. */
  proposed(entries: readonly Entry[]): void;
  /** A core dropped a message that can't be true. */
  rejected(config: RaftConfig, fault: string, message: Message): void;
  /** A core went to sleep; it is not ticked any more until it wakes. */
  quiesced(): void;
  /** A message was given to a core. */
  stepped(config: RaftConfig, message: Message, before: RaftStatus, after: RaftStatus): void;
  ticked(config: RaftConfig, before: RaftStatus, after: RaftStatus): void;
  proposedTo(config: RaftConfig, before: RaftStatus, after: RaftStatus): void;
  transferAsked(config: RaftConfig, before: RaftStatus, after: RaftStatus): void;
}

const TWO_32 = 0x1_0000_0000;

/** Of a number of 64 bits; most of them are small enough not to need all of its bits. */
function remainder(of: number | bigint, divisor: number): number {
  return typeof of === 'number' ? of % divisor : Number(of % BigInt(divisor));
}

export function seenEntry(entry: Entry): SeenEntry {
  const { index, term, type, clientID, seriesID } = entry;
  const id = remainder(clientID, TWO_32) ^ Math.imul(remainder(seriesID, 65_521), 31);
  const isConfigChange = type === EntryType.ConfigChangeEntry;
  const cmd = isConfigChange ? changeInNormalForm(entry.cmd) : entry.cmd;
  const seen = { index, term, digest: crc32(cmd, (id ^ type) >>> 0), isConfigChange };
  return seriesID === REGISTER_SERIES_ID ? { ...seen, registers: clientID } : seen;
}

/** A core, and somebody who sees what it wants and is told. */
export class TappedRaft implements IRaft {
  readonly #core: IRaft;
  readonly #config: RaftConfig;
  readonly #watcher: RaftWatcher;

  constructor(core: IRaft, config: RaftConfig, watcher: RaftWatcher) {
    this.#core = core;
    this.#config = config;
    this.#watcher = watcher;
  }

  get isLeader(): boolean {
    return this.#core.isLeader;
  }
  get leaderID(): number {
    return this.#core.leaderID;
  }
  get term(): number {
    return this.#core.term;
  }
  get isBusy(): boolean {
    return this.#core.isBusy;
  }
  get isQuiesced(): boolean {
    return this.#core.isQuiesced;
  }
  get membersToSeek(): readonly number[] {
    return this.#core.membersToSeek;
  }
  get appliedIndex(): number {
    return this.#core.appliedIndex;
  }
  get heldFrom(): number {
    return this.#core.heldFrom;
  }
  get lost(): IRaft['lost'] {
    return this.#core.lost;
  }
  addressInLog(nodeID: number): string | undefined {
    return this.#core.addressInLog(nodeID);
  }
  tick(): void {
    const before = this.#core.status();
    this.#core.tick();
    if (this.#core.isQuiesced) this.#watcher.quiesced();
    this.#watcher.ticked(this.#config, before, this.#core.status());
  }
  step(message: Message): ReturnType<IRaft['step']> {
    const before = this.#core.status();
    const fault = this.#core.step(message);
    if (fault !== undefined) this.#watcher.rejected(this.#config, fault, message);
    else this.#watcher.stepped(this.#config, message, before, this.#core.status());
    return fault;
  }
  propose(entries: Entry[]): void {
    this.#watcher.proposed(entries);
    const before = this.#core.status();
    this.#core.propose(entries);
    this.#watcher.proposedTo(this.#config, before, this.#core.status());
  }
  proposeConfigChange(entry: Entry): void {
    this.#core.proposeConfigChange(entry);
  }
  readIndex(context: ReadContext): void {
    this.#core.readIndex(context);
  }
  requestLeaderTransfer(target: number): void {
    const before = this.#core.status();
    this.#core.requestLeaderTransfer(target);
    this.#watcher.transferAsked(this.#config, before, this.#core.status());
  }
  applyConfigChange(membership: Membership): void {
    this.#core.applyConfigChange(membership);
    this.#watcher.configured(this.#config, membership);
  }
  rejectConfigChange(): void {
    this.#core.rejectConfigChange();
    this.#watcher.changeRefused(this.#config);
  }
  setUnfit(isUnfit: boolean): void {
    this.#core.setUnfit(isUnfit);
  }

  setLevel(level: number): void {
    this.#core.setLevel(level);
  }
  reportArrival(term: number): void {
    this.#core.reportArrival(term);
  }

  reportUnreachable(nodeID: number, term: number): void {
    this.#core.reportUnreachable(nodeID, term);
  }
  reportReachable(nodeID: number): void {
    this.#core.reportReachable(nodeID);
  }
  reportSnapshotStatus(report: SnapshotStreamReport): void {
    this.#core.reportSnapshotStatus(report);
  }
  stepLogRead(request: LogReadRequest, entries: Entry[]): void {
    this.#core.stepLogRead(request, entries);
  }
  hasUpdate(): boolean {
    return this.#core.hasUpdate();
  }
  getUpdate(): RaftUpdate {
    const update = this.#core.getUpdate();
    this.#watcher.updated(this.#config, update, this.#core);
    return update;
  }
  saved(update: RaftUpdate): void {
    this.#core.saved(update);
  }
  applying(index: number): void {
    this.#core.applying(index);
  }
  applied(index: number): void {
    this.#core.applied(index);
    this.#watcher.applied(this.#config, index);
  }
  snapshotCreated(snapshot: Snapshot): void {
    this.#core.snapshotCreated(snapshot);
  }
  setLogStuck(isStuck: boolean): void {
    this.#core.setLogStuck(isStuck);
  }
  shedMemory(): void {
    this.#core.shedMemory();
  }
  compacted(index: number): void {
    this.#core.compacted(index);
  }
  status(): RaftStatus {
    return this.#core.status();
  }
}

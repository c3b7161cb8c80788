import { type ConfigChangeType, type Entry, type Message, MessageType, makeMessage } from '@drakkar/raftio';
import type { SnapshotStreamReport } from '../snapshot-streams.js';
import type { RaftConfig, RaftUpdate, RandomSource } from '../types.js';
import { bootstrapEntries, command, configChange, copyMessage } from './codec.js';
import { formatMessage, formatStatus, formatUpdate } from './format.js';
import { type ReplicaWatcher, TestReplica } from './replica.js';

export interface StoryOptions {
  voters: number;
  observers?: number;
  config?: Partial<RaftConfig>;
  /** What differs at one replica. */
  configOf?: (nodeID: number) => Partial<RaftConfig>;
}

/** Always the same answer: replica 1 has the shortest election timeout, and so on. */
class Constant implements RandomSource {
  constructor(private readonly value: number) {}

  nextInt(bound: number): number {
    return this.value % bound;
  }
}

/**
 * A cluster that does only what it is told, and writes down what happens. Messages are delivered first in, first
 * out; a disk saves at once unless it is held.
 */
export class Story implements ReplicaWatcher {
  readonly replicas = new Map<number, TestReplica>();
  private readonly lines: string[] = [];
  private readonly options: StoryOptions;
  private queue: Message[] = [];
  private held: Message[] = [];
  private readonly cut = new Set<string>();
  private readonly heldTypes = new Set<MessageType>();
  private readonly lostTypes = new Set<string>();
  private readonly stalled = new Set<number>();
  private readonly hanging = new Set<number>();
  /** The last stream that each asked for to each. */
  private readonly streams = new Map<string, Omit<SnapshotStreamReport, 'failed'>>();
  private reads = 0;

  constructor(options: StoryOptions) {
    this.options = options;
    const voters = range(1, options.voters);
    const observers = range(options.voters + 1, options.voters + (options.observers ?? 0));
    for (const nodeID of voters) this.create(nodeID, false, bootstrapEntries(voters, observers));
    for (const nodeID of observers) this.create(nodeID, true, bootstrapEntries(voters, observers));
    this.settle();
    this.lines.length = 0;
  }

  get transcript(): string {
    return `${this.lines.join('\n')}\n`;
  }

  replica(nodeID: number): TestReplica {
    const replica = this.replicas.get(nodeID);
    if (replica === undefined) throw new Error(`no replica ${nodeID}`);
    return replica;
  }

  say(text: string): void {
    this.lines.push('', `# ${text}`);
  }

  show(...nodeIDs: number[]): void {
    for (const nodeID of nodeIDs) this.lines.push(`  = ${formatStatus(nodeID, this.replica(nodeID).core)}`);
  }

  /** Starts a replica that joins. */
  join(nodeID: number, isObserver = false): void {
    this.lines.push(`> join ${nodeID}`);
    this.create(nodeID, isObserver, []);
  }

  tick(nodeID: number, ticks = 1): void {
    this.lines.push(`> tick ${nodeID} x${ticks}`);
    for (let i = 0; i < ticks; i++) {
      this.replica(nodeID).core.tick();
      this.settle();
    }
  }

  /** All that are up, one tick each in turn. */
  tickAll(ticks = 1): void {
    this.lines.push(`> tick all x${ticks}`);
    for (let i = 0; i < ticks; i++) {
      for (const replica of this.replicas.values()) if (replica.isUp) replica.core.tick();
      this.settle();
    }
  }

  /** Ticks a replica until its election timeout has passed. */
  timeout(nodeID: number): void {
    const { core } = this.replica(nodeID);
    this.lines.push(`> timeout ${nodeID}`);
    const { term, role } = core.status();
    const isOver = (): boolean => core.term !== term || core.status().role !== role || core.isLeader;
    for (let i = 0; i < 40 && !isOver(); i++) {
      core.tick();
      this.settle();
    }
  }

  propose(nodeID: number, ...texts: string[]): void {
    this.lines.push(`> propose ${nodeID} ${texts.join(' ')}`);
    this.replica(nodeID).core.propose(texts.map((text) => command(text)));
    this.settle();
  }

  change(nodeID: number, type: ConfigChangeType, target: number, force = false): void {
    const entry = configChange(force ? { type, nodeID: target, force } : { type, nodeID: target });
    this.lines.push(`> config change at ${nodeID}: type ${type} of ${target}${force ? ', by force' : ''}`);
    this.replica(nodeID).core.proposeConfigChange(entry);
    this.settle();
  }

  /** A message that no replica here has sent. */
  forge(fields: Partial<Message> & Pick<Message, 'type' | 'from' | 'to' | 'term'>): void {
    const message = makeMessage({ clusterID: 1, ...fields });
    this.lines.push(`> forged: ${formatMessage(message)}`);
    this.queue.push(message);
    this.settle();
  }

  read(nodeID: number, count = 1): void {
    this.lines.push(`> read ${nodeID} x${count}`);
    for (let i = 0; i < count; i++) this.replica(nodeID).core.readIndex({ low: ++this.reads, high: 1 });
    this.settle();
  }

  /** A replica looks for the members that it misses, as its host has it do now and then. */
  seek(nodeID: number): void {
    this.lines.push(`> seek from ${nodeID}`);
    const { core } = this.replica(nodeID);
    for (const member of core.membersToSeek) core.reportReachable(member);
    this.settle();
  }

  transfer(nodeID: number, target: number): void {
    this.lines.push(`> transfer at ${nodeID} to ${target}`);
    this.replica(nodeID).core.requestLeaderTransfer(target);
    this.settle();
  }

  snapshot(nodeID: number, compactTo: number): void {
    this.lines.push(`> snapshot ${nodeID}, compact to ${compactTo}`);
    this.replica(nodeID).takeSnapshot();
    this.replica(nodeID).compact(compactTo);
    this.settle();
  }

  snapshotStatus(nodeID: number, target: number, failed: boolean): void {
    this.lines.push(`> snapshot stream of ${nodeID} to ${target} ${failed ? 'failed' : 'done'}`);
    const stream = this.streams.get(`${nodeID}>${target}`);
    if (stream === undefined) throw new Error(`no stream from ${nodeID} to ${target}`);
    this.replica(nodeID).core.reportSnapshotStatus({ ...stream, failed });
    this.settle();
  }

  crash(nodeID: number): void {
    this.lines.push(`> crash ${nodeID}`);
    this.replica(nodeID).crash();
  }

  restart(nodeID: number): void {
    this.lines.push(`> restart ${nodeID}`);
    this.replica(nodeID).start();
    this.settle();
  }

  /** Messages to and from these are lost. */
  isolate(...nodeIDs: number[]): void {
    this.lines.push(`> isolate ${nodeIDs.join(' ')}`);
    for (const a of nodeIDs) {
      for (const b of this.replicas.keys()) {
        if (nodeIDs.includes(b)) continue;
        this.cut.add(`${a}>${b}`).add(`${b}>${a}`);
      }
    }
  }

  heal(): void {
    this.lines.push('> heal');
    this.cut.clear();
    this.lostTypes.clear();
    this.settle();
  }

  /** Messages of this type stay on their way until released. */
  hold(type: MessageType): void {
    this.heldTypes.add(type);
  }

  /** Messages of this type to that replica are lost. */
  lose(type: MessageType, to: number): void {
    this.lostTypes.add(`${type}>${to}`);
  }

  /** Releases what is held; `forget` loses it instead. */
  release(forget = false): void {
    this.lines.push(forget ? '> lose what is held' : '> release what is held');
    this.heldTypes.clear();
    // The engine makes the message when the stream is whole, and a stream has no term.
    for (const message of this.held) if (message.type === MessageType.InstallSnapshot) message.term = 0;
    if (!forget) this.queue.push(...this.held);
    this.held = [];
    this.settle();
  }

  stallDisk(nodeID: number): void {
    this.lines.push(`> disk of ${nodeID} stalls`);
    this.stalled.add(nodeID);
  }

  resumeDisk(nodeID: number): void {
    this.lines.push(`> disk of ${nodeID} goes on`);
    this.stalled.delete(nodeID);
    this.settle();
  }

  /** The state machine of that replica answers no more. */
  hang(nodeID: number): void {
    this.lines.push(`> state machine of ${nodeID} hangs`);
    this.hanging.add(nodeID);
  }

  unhang(nodeID: number): void {
    this.lines.push(`> state machine of ${nodeID} goes on`);
    this.hanging.delete(nodeID);
    this.settle();
  }

  /** Delivers, saves and applies until nothing is left to do. */
  settle(): void {
    for (;;) {
      let isQuiet = true;
      for (const replica of this.replicas.values()) {
        if (replica.isUp && this.work(replica)) isQuiet = false;
      }
      const message = this.queue.shift();
      if (message === undefined) {
        if (isQuiet) return;
        continue;
      }
      const target = this.replicas.get(message.to);
      const fault = target?.isUp === true ? target.core.step(message) : undefined;
      if (fault !== undefined) this.lines.push(`  ${message.to} drops it: ${fault}`);
    }
  }

  onSend(_replica: TestReplica, message: Message): void {
    if (message.snapshot !== undefined) {
      const stream = {
        nodeID: message.to,
        streamID: Number(message.hint),
        index: message.snapshot.index,
      };
      this.streams.set(`${message.from}>${message.to}`, stream);
    }
    const { from, to, type } = message;
    const isCut = this.cut.has(`${from}>${to}`) || this.lostTypes.has(`${type}>${to}`);
    const isHeld = this.heldTypes.has(message.type);
    const isLost = isCut || this.replicas.get(message.to)?.isUp !== true;
    this.lines.push(
      `  ${formatMessage(message)}${isLost ? ' (lost)' : ''}${!isLost && isHeld ? ' (held)' : ''}`,
    );
    if (isLost) return;
    (isHeld ? this.held : this.queue).push(copyMessage(message));
  }

  onUpdate(replica: TestReplica, update: RaftUpdate): void {
    const text = formatUpdate(update);
    if (text !== '') this.lines.push(`  ${replica.nodeID}: ${text}`);
  }

  onApply(_replica: TestReplica, _entry: Entry): void {
    // The update has told it already.
  }

  private work(replica: TestReplica): boolean {
    let didWork = replica.core.hasUpdate();
    replica.pump();
    while (!this.stalled.has(replica.nodeID) && replica.unsavedCount > 0) {
      replica.completeSave();
      didWork = true;
    }
    while (replica.hasToApply && !this.hanging.has(replica.nodeID)) {
      replica.applyNext();
      didWork = true;
    }
    while (replica.logReads.length > 0) {
      replica.answerLogRead();
      didWork = true;
    }
    return didWork;
  }

  private create(nodeID: number, isObserver: boolean, bootstrap: Entry[]): void {
    const config: RaftConfig = {
      clusterID: 1,
      nodeID,
      electionTimeoutTicks: 10,
      heartbeatTicks: 2,
      checkQuorum: true,
      preVote: true,
      quiesce: false,
      maxInMemLogBytes: 1 << 20,
      maxReplicateBytes: 1 << 12,
      maxInflightBytes: 1 << 16,
      maxInflightMessages: 8,
      ...this.options.config,
      ...this.options.configOf?.(nodeID),
      isObserver,
      random: new Constant(2 * (nodeID - 1)),
    };
    this.replicas.set(nodeID, new TestReplica(config, bootstrap, this));
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

import { ConfigChangeType, type Message, MessageType } from '@drakkar/raftio';
import type { SnapshotStreamReport } from '../snapshot-streams.js';
import type { IRaft, RaftConfig } from '../types.js';
import { bootstrapEntries, command, configChange, copyMessage } from './codec.js';
import { Oracle, SafetyError } from './oracle.js';
import { SeededRandom } from './random.js';
import { TestReplica } from './replica.js';

/** How bad the world is; percentages are chances per round (and per message for the network's). */
export interface ChaosOptions {
  seed: number;
  voters: number;
  observers: number;
  rounds: number;
  lossPercent: number;
  duplicatePercent: number;
  /** Messages that take far longer than others. */
  slowPercent: number;
  maxDelayRounds: number;
  crashPercent: number;
  restartPercent: number;
  partitionPercent: number;
  healPercent: number;
  /** Of finishing a save. Low: disks are slow. */
  savePercent: number;
  applyPercent: number;
  /** Of taking updates after each message. Low: an update sums up many messages. */
  pumpPercent: number;
  proposePercent: number;
  changePercent: number;
  snapshotPercent: number;
  transferPercent: number;
  idle: boolean;
  config: Partial<RaftConfig>;
}

interface Packet {
  message: Message;
  dueRound: number;
}

const MAX_NODE_ID = 8;
const LIVENESS_ROUNDS = 4000;

/** Runs cores in a hostile world for some rounds, then in a kind one; throws when they err or get nowhere. */
export class Chaos {
  readonly replicas = new Map<number, TestReplica>();
  readonly oracle: Oracle;
  private readonly random: SeededRandom;
  private readonly options: ChaosOptions;
  private packets: Packet[] = [];
  private round = 0;
  private isKind = false;
  private proposals = 0;
  private readCount = 0;
  /** Messages from one group to the other are lost. */
  private readonly cut = new Set<string>();
  private readonly stalledUntil = new Map<number, number>();

  constructor(options: ChaosOptions) {
    this.options = options;
    this.random = new SeededRandom(options.seed);
    this.oracle = new Oracle(this.replicas, (from, message) => {
      this.route(from, message);
    });
    const voters = range(1, options.voters);
    const observers = range(options.voters + 1, options.voters + options.observers);
    for (const nodeID of voters) this.create(nodeID, false, voters, observers);
    for (const nodeID of observers) this.create(nodeID, true, voters, observers);
  }

  run(): void {
    const rounds = this.options.rounds;
    for (this.round = 1; this.round <= rounds; this.round++) {
      this.misbehave();
      this.work();
      this.advance();
      if (this.round % 50 === 0) this.oracle.checkLogMatching();
    }
    this.runKindly();
  }

  /** Liveness: with the faults off, every member must commit and apply something new within bounded time. */
  private runKindly(): void {
    this.isKind = true;
    this.cut.clear();
    this.stalledUntil.clear();
    for (const replica of this.replicas.values()) this.ensureUp(replica);
    const end = this.round + LIVENESS_ROUNDS;
    const target = this.oracle.maxCommitted + 3;
    for (; this.round < end; this.round++) {
      if (this.round % 20 === 0) this.random.pick(this.up()).core.propose([command('alive')]);
      this.advance();
      if (this.isDone(target)) break;
    }
    this.oracle.checkLogMatching();
    if (!this.isDone(target)) {
      const lines = this.up().map((replica) => describe(replica));
      throw new SafetyError(`no progress with the faults off, wanted ${target}:\n${lines.join('\n')}`);
    }
  }

  private isDone(target: number): boolean {
    const leader = this.up().find((replica) => replica.core.isLeader && replica.machine.index >= target);
    if (leader === undefined) return false;
    const { addresses, observers } = leader.machine.membership;
    return [...addresses.keys(), ...observers.keys()].every((nodeID) => {
      const replica = this.replicas.get(nodeID);
      return replica !== undefined && replica.machine.index >= target;
    });
  }

  private create(nodeID: number, isObserver: boolean, voters: number[], observers: number[]): void {
    const { config, seed } = this.options;
    const replica = new TestReplica(
      {
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
        ...config,
        isObserver,
        random: new SeededRandom(seed * 31 + nodeID),
      },
      bootstrapEntries(voters, observers),
      this.oracle,
    );
    this.replicas.set(nodeID, replica);
    this.oracle.onRestart(replica);
  }

  private up(): TestReplica[] {
    return [...this.replicas.values()].filter((replica) => replica.isUp);
  }

  private ensureUp(replica: TestReplica): void {
    if (replica.isUp) return;
    replica.start();
    this.oracle.onRestart(replica);
  }

  private misbehave(): void {
    const { random, options } = this;
    if (random.chance(options.crashPercent)) {
      const victim = random.pick(this.up());
      if (this.up().length > 1) victim.crash(random.nextInt(victim.unsavedCount + 1));
    }
    for (const replica of this.replicas.values()) {
      if (!replica.isUp && random.chance(options.restartPercent)) this.ensureUp(replica);
    }
    if (random.chance(options.partitionPercent)) this.partition();
    if (random.chance(options.healPercent)) this.cut.clear();
    if (random.chance(options.crashPercent)) {
      this.stalledUntil.set(random.pick(this.up()).nodeID, this.round + random.nextInt(60));
    }
  }

  /** One side can't reach the other; half of the time the other way is open. */
  private partition(): void {
    const { random } = this;
    this.cut.clear();
    const isAsymmetric = random.chance(50);
    const side = new Set([...this.replicas.keys()].filter(() => random.chance(50)));
    for (const a of this.replicas.keys()) {
      for (const b of this.replicas.keys()) {
        if (side.has(a) === side.has(b)) continue;
        if (!isAsymmetric || side.has(a)) this.cut.add(`${a}>${b}`);
      }
    }
  }

  /** What users and the engine ask for. */
  private work(): void {
    const { random, options } = this;
    const isBusyTime = !options.idle || this.round % 400 < 100;
    const replica = random.pick(this.up());
    if (isBusyTime && random.chance(options.proposePercent)) {
      const count = 1 + random.nextInt(4);
      for (let i = 0; i < count; i++) replica.core.propose([command(`p${this.proposals++}`)]);
    }
    if (isBusyTime && random.chance(30)) this.read(random.pick(this.up()));
    if (isBusyTime && random.chance(options.changePercent)) this.change(random.pick(this.up()));
    if (random.chance(options.transferPercent)) {
      random.pick(this.up()).core.requestLeaderTransfer(1 + random.nextInt(MAX_NODE_ID));
    }
    if (random.chance(options.snapshotPercent)) {
      const one = random.pick(this.up());
      one.takeSnapshot();
      one.compact(one.machine.index - random.nextInt(10));
    }
    if (random.chance(3)) {
      const { core } = random.pick(this.up());
      core.reportUnreachable(1 + random.nextInt(MAX_NODE_ID), core.term - random.nextInt(2));
    }
  }

  private read(replica: TestReplica): void {
    const context = { low: ++this.readCount, high: replica.nodeID };
    this.oracle.onReadRequest(context);
    replica.core.readIndex(context);
  }

  private change(replica: TestReplica): void {
    const { random } = this;
    const nodeID = 1 + random.nextInt(MAX_NODE_ID);
    const type = random.pick([
      ConfigChangeType.AddNode,
      ConfigChangeType.AddNode,
      ConfigChangeType.AddObserver,
      ConfigChangeType.RemoveNode,
    ]);
    replica.core.proposeConfigChange(configChange({ type, nodeID }));
    if (type === ConfigChangeType.RemoveNode || this.replicas.has(nodeID)) return;
    this.create(nodeID, type === ConfigChangeType.AddObserver, [], []);
  }

  private advance(): void {
    const { random } = this;
    this.deliverDue();
    for (const replica of this.up()) {
      if (this.isKind || random.chance(95)) replica.core.tick();
      replica.pump();
      this.driveEngine(replica);
      replica.pump();
    }
  }

  private driveEngine(replica: TestReplica): void {
    const { random, options } = this;
    const isStalled = (this.stalledUntil.get(replica.nodeID) ?? 0) > this.round;
    let budget = this.isKind ? 100 : 3;
    while (budget-- > 0 && !isStalled && replica.unsavedCount > 0) {
      if (this.isKind || random.chance(options.savePercent)) replica.completeSave();
    }
    replica.pump();
    if (this.isKind || random.chance(options.applyPercent)) while (replica.hasToApply) replica.applyNext();
    while (replica.logReads.length > 0 && (this.isKind || random.chance(50))) replica.answerLogRead();
  }

  private route(from: TestReplica, message: Message): void {
    const { random, options } = this;
    const isSnapshot = message.type === MessageType.InstallSnapshot;
    const isLost =
      !this.isKind && (random.chance(options.lossPercent) || this.cut.has(`${from.nodeID}>${message.to}`));
    if (isSnapshot) this.snapshotEnds(message, isLost);
    if (isLost) return;
    const slow = random.chance(options.slowPercent) ? random.nextInt(30) : 0;
    const usual = random.nextInt(options.maxDelayRounds + 1) * (isSnapshot ? 4 : 1);
    const delay = this.isKind ? 0 : slow + usual;
    this.packets.push({ message: copyMessage(message), dueRound: this.round + 1 + delay });
    if (!this.isKind && random.chance(options.duplicatePercent)) {
      const later = this.round + 1 + random.nextInt(options.maxDelayRounds * 3 + 1);
      this.packets.push({ message: copyMessage(message), dueRound: later });
    }
  }

  private readonly streams: { from: IRaft; report: SnapshotStreamReport; dueRound: number }[] = [];

  private snapshotEnds({ from, to, hint, snapshot }: Message, failed: boolean): void {
    const replica = this.replicas.get(from);
    if (replica?.isUp !== true) return;
    const delay = this.isKind ? 1 : 1 + this.random.nextInt(20);
    const report = { nodeID: to, streamID: Number(hint), index: snapshot?.index ?? 0, failed };
    this.streams.push({ from: replica.core, report, dueRound: this.round + delay });
  }

  private deliverDue(): void {
    const due = this.packets.filter((packet) => packet.dueRound <= this.round);
    this.packets = this.packets.filter((packet) => packet.dueRound > this.round);
    for (const { message } of due) {
      const replica = this.replicas.get(message.to);
      if (replica?.isUp !== true) continue;
      const fault = replica.core.step(message);
      // Nobody lies here; but a member that was added may be heard of before its addition is.
      if (fault !== undefined && fault !== 'unlistedSender') {
        throw new SafetyError(`${message.to} dropped a message of ${message.from} as ${fault}`);
      }
      if (this.random.chance(this.options.pumpPercent)) replica.pump();
    }
    for (const stream of this.streams.splice(0)) {
      // A report is for the core that asked: one that was restarted has asked for nothing yet.
      if (stream.dueRound > this.round) this.streams.push(stream);
      else if (this.up().some(({ core }) => core === stream.from)) {
        stream.from.reportSnapshotStatus(stream.report);
      }
    }
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);
}

function describe(replica: TestReplica): string {
  const { membership, remotes, ...rest } = replica.core.status();
  const members = `${[...membership.addresses.keys()].join(' ')} + ${[...membership.observers.keys()].join(' ')}`;
  return `${replica.nodeID}: ${JSON.stringify(rest)} [${members}] ${JSON.stringify([...remotes])}`;
}

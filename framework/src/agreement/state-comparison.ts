import { type Membership, type Message, MessageType, type Uint64, makeMessage } from '@drakkar/raftio';
import { ErrStateDiverged } from '../errors/index.js';
import type { StatePoint } from '../rsm/index.js';
import { type Hashes, StateHashes, type StatePart } from './state-hashes.js';

export type { StatePart } from './state-hashes.js';

/** Replicas with the same applied entries that differ. */
export interface StateDivergence {
  /** The last applied entry. */
  index: number;
  parts: readonly StatePart[];
  /** Members unlike most voting members; empty: no majority is known, so any may be wrong. */
  wrong: readonly number[];
}

export interface StateComparisonOptions {
  clusterID: number;
  nodeID: number;
  /** Ticks after which the leader has states compared; 0: never. */
  intervalTicks: number;
}

/** What the comparison needs of its replica. */
export interface StateComparisonHost {
  readonly nowTick: number;
  readonly isLeader: boolean;
  /** Last index that is known to be committed. */
  readonly commit: number;
  membership(): Membership;
  send(message: Message): void;
  /** Takes a point at `index`, if that can still be done. */
  want(index: number): void;
  diverged(divergence: StateDivergence): void;
  /** The replica is as most members are, and was not before. */
  recovered(index: number): void;
}

const PARTS: readonly StatePart[] = ['sessions', 'membership', 'stateMachine'];
/** How many times the interval grows while nothing new is committed and the others do not answer. */
const MAX_PATIENCE = 64;
/** For how long a difference waits for more voting members, which may decide who is wrong. */
const UNDECIDED_TICKS = 20;
/** Of the state machine's own hash, in a message. */
const HASH_BITS = 53;

/**
 * Compares the hashes that the replicas of a group have taken at the same index. Each sends its own to all others, and
 * each comes to the same verdict: what most voting members have is right.
 */
export class StateComparison {
  readonly #options: StateComparisonOptions;
  readonly #host: StateComparisonHost;
  readonly #hashes = new StateHashes();
  #told = '';
  #untoldSinceTick: number | undefined;
  #divergence: StateDivergence | undefined;
  #comparedIndex = 0;
  #askedTick: number;
  #askedIndex = 0;
  #patience = 1;

  constructor(options: StateComparisonOptions, host: StateComparisonHost) {
    this.#options = options;
    this.#host = host;
    this.#askedTick = host.nowTick;
  }

  /** The last index at which this replica and others were compared; 0: none yet. */
  get comparedIndex(): number {
    return this.#comparedIndex;
  }

  /** The last comparison's outcome; undefined: no difference. */
  get divergence(): StateDivergence | undefined {
    return this.#divergence;
  }

  /** Whether the state here is not that of most members. */
  get isWrong(): boolean {
    return this.#divergence?.wrong.includes(this.#options.nodeID) === true;
  }

  /** Why the replica serves no linearizable reads; undefined: it does. */
  get refusal(): ErrStateDiverged | undefined {
    const { clusterID, nodeID } = this.#options;
    const found = this.#divergence;
    if (found === undefined || !this.isWrong) return undefined;
    return new ErrStateDiverged(
      `group ${clusterID}: the state of node ${nodeID} on this host (${found.parts.join(', ')}) at index ` +
        `${found.index} is not that of most members. It serves no linearizable reads: remove the node, call removeData, and ` +
        'add a new one',
      { details: { clusterID, nodeID, ...found } },
    );
  }

  /** A point was taken here: it goes to the others. */
  taken({ index, sessions, membership, stateMachine }: StatePoint): void {
    const { clusterID, nodeID } = this.#options;
    const hash =
      stateMachine === undefined ? undefined : Number(BigInt.asUintN(HASH_BITS, BigInt(stateMachine)));
    const { addresses, observers } = this.#host.membership();
    for (const to of [...addresses.keys(), ...observers.keys()]) {
      if (to === nodeID) continue;
      this.#host.send(
        makeMessage({
          type: MessageType.StateHashes,
          to,
          from: nodeID,
          clusterID,
          logIndex: index,
          hint: sessions,
          hintHigh: membership,
          reject: hash !== undefined,
          commit: hash ?? 0,
        }),
      );
    }
    this.#note(index, nodeID, { sessions, membership, stateMachine: hash });
  }

  /** A message of a member; whether it was for the comparison. */
  takes(message: Message): boolean {
    const { type, from, logIndex, hint, hintHigh, reject, commit } = message;
    if (type === MessageType.StateHashesAt) {
      if (this.#isMember(from)) this.#host.want(logIndex);
      return true;
    }
    if (type !== MessageType.StateHashes) return false;
    if (this.#isMember(from)) {
      this.#note(logIndex, from, {
        sessions: hint,
        membership: hintHigh,
        stateMachine: reject ? commit : undefined,
      });
    }
    return true;
  }

  /** Called with each tick: time-driven points, for groups with few entries. */
  tick(): void {
    const { intervalTicks, clusterID, nodeID } = this.#options;
    const { nowTick, isLeader } = this.#host;
    if (this.#untoldSinceTick !== undefined && nowTick - this.#untoldSinceTick >= UNDECIDED_TICKS) {
      this.#untoldSinceTick = undefined;
      if (this.#divergence !== undefined) this.#tell(this.#divergence);
    }
    if (intervalTicks === 0 || nowTick - this.#askedTick < intervalTicks) return;
    const index = this.#host.commit;
    if (index !== this.#askedIndex) this.#patience = 1;
    if (!isLeader || index <= this.#comparedIndex) {
      this.#askedTick = nowTick;
      return;
    }
    if (nowTick - this.#askedTick < intervalTicks * this.#patience) return;
    this.#askedTick = nowTick;
    this.#askedIndex = index;
    this.#patience = Math.min(2 * this.#patience, MAX_PATIENCE);
    const { addresses, observers } = this.#host.membership();
    const others = [...addresses.keys(), ...observers.keys()].filter((other) => other !== nodeID);
    if (others.length === 0) return;
    for (const to of others) {
      const type = MessageType.StateHashesAt;
      this.#host.send(makeMessage({ type, to, from: nodeID, clusterID, logIndex: index }));
    }
    this.#host.want(index);
  }

  #isMember(nodeID: number): boolean {
    const { addresses, observers } = this.#host.membership();
    return addresses.has(nodeID) || observers.has(nodeID);
  }

  #note(index: number, nodeID: number, hashes: Hashes): void {
    this.#hashes.keep((id) => this.#isMember(id) || id === this.#options.nodeID);
    this.#hashes.note(nodeID, index, hashes);
    this.#compare(index, this.#hashes.at(index));
  }

  /** Not before this replica has its own hashes there. An older index than the last one says nothing new. */
  #compare(index: number, point: ReadonlyMap<number, Hashes>): void {
    if (!point.has(this.#options.nodeID) || point.size < 2 || index < this.#comparedIndex) return;
    this.#comparedIndex = index;
    const { addresses } = this.#host.membership();
    const wrong = new Set<number>();
    const parts: StatePart[] = [];
    for (const part of PARTS) {
      const values = valuesOf(part, point);
      if (new Set(values.values()).size < 2) continue;
      parts.push(part);
      for (const nodeID of differing(values, addresses)) wrong.add(nodeID);
    }
    if (parts.length > 0) this.#found({ index, parts, wrong: [...wrong].sort((a, b) => a - b) });
    else this.#agreed(index, point, addresses);
  }

  /** A point at which nobody can say who is wrong takes no verdict back; only agreement does. */
  #found(divergence: StateDivergence): void {
    const isKnown = divergence.wrong.length > 0;
    if (!isKnown && (this.#divergence?.wrong.length ?? 0) > 0) return;
    const isDecided = isKnown || this.#hasHeardAll(divergence.index);
    this.#divergence = divergence;
    this.#untoldSinceTick = undefined;
    if (isDecided) this.#tell(divergence);
    else this.#untoldSinceTick = this.#host.nowTick; // another voting member may decide it in a moment
  }

  #tell(divergence: StateDivergence): void {
    const key = JSON.stringify([divergence.parts, divergence.wrong]);
    if (key === this.#told) return;
    this.#told = key;
    this.#host.diverged(divergence);
  }

  #hasHeardAll(index: number): boolean {
    const point = this.#hashes.at(index);
    return [...this.#host.membership().addresses.keys()].every((nodeID) => point.has(nodeID));
  }

  /** Those that agree do not take back what was found of one that was not heard. */
  #agreed(index: number, point: ReadonlyMap<number, Hashes>, addresses: ReadonlyMap<number, string>): void {
    if (this.#divergence === undefined) return;
    const { wrong } = this.#divergence;
    const needed =
      wrong.length > 0 ? wrong.filter((nodeID) => this.#isMember(nodeID)) : [...addresses.keys()];
    const heard = [...addresses.keys()].filter((nodeID) => point.has(nodeID)).length;
    if (heard <= addresses.size / 2 || !needed.every((nodeID) => point.has(nodeID))) return;
    this.#divergence = undefined;
    this.#untoldSinceTick = undefined;
    this.#told = '';
    this.#host.recovered(index);
  }
}

function valuesOf(part: StatePart, point: ReadonlyMap<number, Hashes>): Map<number, Uint64> {
  const values = new Map<number, Uint64>();
  for (const [nodeID, hashes] of point) {
    const value = hashes[part];
    if (value !== undefined) values.set(nodeID, value);
  }
  return values;
}

/** Who has another value than most voting members; nobody when no value is that of most of them. */
function differing(values: ReadonlyMap<number, Uint64>, voters: ReadonlyMap<number, string>): number[] {
  const counts = new Map<Uint64, number>();
  for (const [nodeID, value] of values) {
    if (voters.has(nodeID)) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const right = [...counts].find(([, count]) => count > voters.size / 2)?.[0];
  return right === undefined
    ? []
    : [...values].filter(([, value]) => value !== right).map(([nodeID]) => nodeID);
}

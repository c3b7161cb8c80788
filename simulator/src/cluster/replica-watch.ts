import type { RaftStatus } from '@drakkar/framework';
import type { RaftConfig, RaftInit, RaftUpdate } from '@drakkar/framework/internals';
import type { IRaft } from '@drakkar/framework/internals';
import {
  type Entry,
  EntryType,
  type Membership,
  type Message,
  type Update,
  hasErrorCode,
} from '@drakkar/raftio';
import type { LogDBWatcher } from '../disk/watched-logdb.js';
import {
  type CoreChange,
  type FullEntry,
  type ReplicaName,
  nameOfReplica,
} from '../invariants/observation.js';
import type { Life } from '../world/life.js';
import type { RegisterMachine } from '../workload/register-machine.js';
import { inNormalForm } from './spellings.js';
import { type RaftWatcher, seenEntry } from './tapped-raft.js';
import { type World, tell } from './world.js';

/** Turns what the parts of one process do into observations. A process that has died is not looked at any more. */
export class ReplicaWatch implements RaftWatcher, LogDBWatcher {
  readonly #world: World;
  readonly #life: Life;
  readonly #hostName: string;
  readonly #machines: ReadonlyMap<number, RegisterMachine>;
  /** Groups that this process leads, with the term. */
  readonly #leading = new Map<number, number>();
  readonly #memberships = new Map<number, Membership>();

  constructor(world: World, life: Life, hostName: string, machines: ReadonlyMap<number, RegisterMachine>) {
    this.#world = world;
    this.#life = life;
    this.#hostName = hostName;
    this.#machines = machines;
  }

  started({ clusterID, nodeID }: RaftConfig, init: RaftInit): void {
    if (!this.#life.isAlive) return;
    const membership = inNormalForm(init.membership);
    this.#memberships.set(clusterID, membership);
    const { state, snapshotIndex, snapshotTerm, firstIndex, lastIndex, termRuns } = init;
    const seen = { state, snapshotIndex, snapshotTerm, firstIndex, lastIndex, termRuns, membership };
    this.#world.oracle.see('started', { clusterID, nodeID, ...seen });
    if (membership.addresses.size > 0) this.configured({ clusterID, nodeID }, membership);
  }

  updated({ clusterID, nodeID }: RaftConfig, update: RaftUpdate, core: IRaft): void {
    if (!this.#life.isAlive) return;
    const { oracle, coverage } = this.#world;
    const { snapshot } = update;
    if (snapshot !== undefined || update.entriesToSave.length > 0) {
      if (snapshot !== undefined) coverage.count('snapshot received');
      oracle.see('appended', { clusterID, nodeID, snapshot, entries: update.entriesToSave.map(seenEntry) });
      oracle.see('logged', { clusterID, nodeID, entries: update.entriesToSave.map(fullEntry) });
    }
    if (snapshot !== undefined) this.configured({ clusterID, nodeID }, snapshot.membership);
    const membership = this.#memberships.get(clusterID);
    if (membership === undefined) return;
    if (!core.isLeader) {
      this.#leading.delete(clusterID);
    } else if (this.#leading.get(clusterID) !== core.term) {
      this.#leading.set(clusterID, core.term);
      coverage.count('leader elected');
      tell(this.#world, this.#hostName, `node ${nodeID} leads group ${clusterID} in term ${core.term}`);
      oracle.see('elected', { clusterID, nodeID, term: core.term, membership });
    }
    const { isLeader, term } = core;
    oracle.see('commitKnown', { clusterID, nodeID, term, index: core.status().commit, isLeader });
    if (update.entriesToApply.length === 0) return;
    const entries = update.entriesToApply.map(seenEntry);
    oracle.see('committed', { clusterID, nodeID, entries, term, isLeader, membership });
  }

  applied({ clusterID, nodeID }: RaftConfig, index: number): void {
    const machine = this.#machines.get(clusterID);
    if (!this.#life.isAlive || machine === undefined) return;
    this.#world.oracle.see('applied', { clusterID, nodeID, index, hash: machine.fingerprint });
  }

  configured({ clusterID, nodeID }: Pick<RaftConfig, 'clusterID' | 'nodeID'>, spelled: Membership): void {
    if (!this.#life.isAlive) return;
    const membership = inNormalForm(spelled);
    this.#memberships.set(clusterID, membership);
    this.#world.oracle.see('configured', { clusterID, nodeID, membership });
  }

  changeRefused({ clusterID, nodeID }: RaftConfig): void {
    if (this.#life.isAlive) this.#world.oracle.see('changeRefused', { clusterID, nodeID });
  }

  saving({ clusterID, nodeID, state, snapshot, entriesToSave }: Update): void {
    if (!this.#life.isAlive) return;
    const entries = entriesToSave.map(seenEntry);
    const what = `the term of node ${nodeID} of group ${clusterID}`;
    this.#world.oracle.see('gauge', { what, value: state?.term ?? 0, bound: MAX_TERM });
    this.#world.oracle.see('saving', { clusterID, nodeID, state, snapshot, entries });
  }

  durable({ clusterID, nodeID }: Update): void {
    if (this.#life.isAlive) this.#world.oracle.see('durable', { clusterID, nodeID });
  }

  proposed(entries: readonly Entry[]): void {
    const compressed = entries.filter(({ type }) => type === EntryType.EncodedEntry).length;
    if (compressed > 0) this.#world.coverage.count('entry compressed', compressed);
  }

  /** Where nobody lies a claim that can't be true is a fault of the sender's core, or of the receiver's. */
  rejected({ clusterID, nodeID }: RaftConfig, fault: string, message: Message): void {
    // A member that was added may be heard of before its addition is, and an answer may come too late.
    if (!this.#life.isAlive || fault === 'unlistedSender' || fault === 'unaskedAnswer') return;
    if (this.#world.scenario.extensions.includes('hostile-messages')) {
      this.#world.coverage.count('forged message dropped');
      return;
    }
    const { wiped } = this.#world.oracle;
    if (fault === 'lostEntries' && wiped.has(nameOfReplica({ clusterID, nodeID }))) return;
    const { type, from, term, logIndex, commit } = message;
    const what = JSON.stringify({ type, from, term, logIndex, commit });
    this.#world.oracle.fail(
      'an invariant of the framework',
      `${this.#hostName}: group ${clusterID} node ${nodeID} dropped a message as ${fault}: ${what}`,
    );
  }

  stepped(config: RaftConfig, message: Message, before: RaftStatus, after: RaftStatus): void {
    if (this.#life.isAlive)
      this.#world.oracle.see('stepped', { ...changeOf(config, before, after), message });
  }

  ticked(config: RaftConfig, before: RaftStatus, after: RaftStatus): void {
    if (this.#life.isAlive) this.#world.oracle.see('ticked', changeOf(config, before, after));
  }

  proposedTo(config: RaftConfig, before: RaftStatus, after: RaftStatus): void {
    if (this.#life.isAlive) this.#world.oracle.see('proposed', changeOf(config, before, after));
  }

  transferAsked(config: RaftConfig, before: RaftStatus, after: RaftStatus): void {
    if (this.#life.isAlive) this.#world.oracle.see('transferAsked', changeOf(config, before, after));
  }

  quiesced(): void {
    this.#world.coverage.count('quiesced');
  }

  compacted(): void {
    this.#world.coverage.count('log compacted');
  }
}

function changeOf(config: RaftConfig, before: RaftStatus, after: RaftStatus): ReplicaName & CoreChange {
  const { clusterID, nodeID } = config;
  return { clusterID, nodeID, before, after, rules: config };
}

function fullEntry({ index, term, type, clientID, seriesID, respondedTo, cmd }: Entry): FullEntry {
  const change = type === EntryType.ConfigChangeEntry ? cmd : undefined;
  return { index, term, type, clientID, seriesID, respondedTo, cmd: change };
}

/** No group has so many elections: a term above was made up, and stays permanently. */
const MAX_TERM = 1_000_000_000;

const INVARIANT_CODES = ['ERR_RAFT_INVARIANT', 'ERR_RSM_INVARIANT'];

/** Whether the framework itself says that something impossible has happened. */
export function isInvariantError(error: unknown): boolean {
  return INVARIANT_CODES.some((code) => hasErrorCode(error, code));
}

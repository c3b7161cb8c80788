import {
  BIN_VER,
  type Entry,
  EntryType,
  type Message,
  type MessageBatch,
  MessageType,
  encodeMessageBatch,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import type { Shadow } from '../invariants/shadows.js';
import type { Dice } from '../world/dice.js';
import type { Cluster, GroupState } from './cluster.js';
import { membersOf } from './liveness.js';
import type { VirtualHost } from './virtual-host.js';
import type { World } from './world.js';

const KEPT_MESSAGES = 200;
const FIRST_STRANGER = 900;
const STRANGERS = 50;
const FOREIGN_GROUP = 123_456_789;
const TYPES: readonly number[] = [...Object.values(MessageType), 31, 63, 90, 127];
/** A claim that nothing on this side of it can make true. */
const FAR = 1_000;
/** Repeated, these ask for something once more. */
const NOT_REPEATED: readonly number[] = [MessageType.Propose, MessageType.ReadIndex];

type Forgery = (dice: Dice, aim: Aim) => Message | undefined;

/** The replica that a message is made for, and what is known of it. */
interface Aim {
  group: GroupState;
  nodeID: number;
  shadow: Shadow;
}

/**
 * Makes messages that no replica has sent to the one that gets them: of strangers, of members that claim what can't
 * be, repeated, and sent to the wrong host. None of them is one that only a signature could tell from a true one, so
 * no replica may stop over them, and none may take harm.
 */
export class Forger {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #heard: Message[] = [];
  /** Forged claims that entries were lost, by receiver, sender and term. */
  readonly #lossesClaimed = new Set<string>();
  #deploymentID: MessageBatch['deploymentID'] | undefined;

  constructor(world: World, cluster: Cluster) {
    this.#world = world;
    this.#cluster = cluster;
  }

  /** Listens on the network. */
  hears({ requests, deploymentID }: MessageBatch): void {
    this.#deploymentID = deploymentID;
    for (const message of requests) {
      if (message.type !== MessageType.Propose) this.#heard.push(message);
    }
    if (this.#heard.length > 2 * KEPT_MESSAGES) this.#heard.splice(0, KEPT_MESSAGES);
  }

  /** Sends some to the host. Says which. */
  attack(dice: Dice, host: VirtualHost): string | undefined {
    const listener = this.#world.network.listeners.get(host.address);
    const plans = [...host.replicas.values()];
    if (listener === undefined || this.#deploymentID === undefined || plans.length === 0) return undefined;
    const { group: scenario, nodeID } = dice.pick(plans);
    const { clusterID } = scenario;
    const shadow = this.#world.oracle.shadows.of({ clusterID, nodeID });
    const aim = { group: this.#cluster.group(clusterID), nodeID, shadow };
    const [name, forge] = dice.pick(Object.entries<Forgery>(this.#forgeries));
    const message = forge(dice, aim);
    if (message === undefined) return undefined;
    const sourceAddress = dice.pick([
      'stranger:7000',
      '',
      ...this.#cluster.hosts.map(({ address }) => address),
    ]);
    const batch = { requests: [message], deploymentID: this.#deploymentID, sourceAddress, binVer: BIN_VER };
    const bytes = encodeMessageBatch(batch);
    this.#world.scheduler.after(0, listener.life, 'forged', () => listener.receive(bytes));
    this.#world.coverage.count('message forged');
    return `${name} to ${host.name}: ${describe(message)}`;
  }

  readonly #forgeries = {
    stranger: (dice, aim) => {
      const from = dice.pick([0, FIRST_STRANGER + dice.int(STRANGERS), ...removedFrom(aim)]);
      const message = this.#random(dice, aim, from);
      // A replica that joins does not know its group yet.
      if (aim.shadow.disk.log.last === 0) message.groupID = FOREIGN_GROUP;
      return message;
    },
    'impossible term': (dice, aim) => {
      const message = this.#random(dice, aim, this.#pickMember(dice, aim));
      const { term } = aim.shadow.disk.state;
      return { ...message, term: dice.pick([Number.MAX_SAFE_INTEGER, 2 ** 50 + term, 2 ** 53 - 10]) };
    },
    'impossible claim': (dice, aim) => this.#impossible(dice, aim),
    'change that does not decode': (dice, aim) => {
      const cmd = dice.bytes(dice.between(1, 12)).map((byte) => byte | 0x80);
      const entry = makeEntry({ type: EntryType.ConfigChangeEntry, key: dice.int(1_000), cmd });
      const message = makeMessage({ type: MessageType.Propose, to: aim.nodeID, entries: [entry] });
      return addressed(message, aim, this.#pickMember(dice, aim));
    },
    repeated: (dice, aim) => {
      const { clusterID } = aim.group.scenario;
      const old = this.#heard.filter(({ type, ...message }) => {
        const isHis = message.clusterID === clusterID && message.to === aim.nodeID;
        return isHis && !NOT_REPEATED.includes(type);
      });
      return old.length === 0 ? undefined : dice.pick(old);
    },
    misdirected: (dice, aim) => {
      const others = this.#heard.filter(({ to }) => to !== aim.nodeID);
      return others.length === 0 ? undefined : dice.pick(others);
    },
  } satisfies Record<string, Forgery>;

  #pickMember(dice: Dice, { group, nodeID }: Aim): number {
    const others = membersOf(group).filter(([id]) => id !== nodeID);
    return others.length === 0 ? FIRST_STRANGER : dice.pick(others)[0];
  }

  /** Of any type and with any numbers, but entries that could be true only if they are not taken. */
  #random(dice: Dice, aim: Aim, from: number): Message {
    const { state, log } = aim.shadow.disk;
    const type = dice.pick(TYPES) as MessageType;
    const message = makeMessage({ type, to: aim.nodeID });
    message.term = dice.pick([
      0,
      1,
      state.term,
      state.term,
      state.term + 1,
      state.term + 3,
      Number.MAX_SAFE_INTEGER,
    ]);
    message.logIndex = dice.pick([0, log.last + FAR, Number.MAX_SAFE_INTEGER]);
    message.logTerm = dice.pick([0, state.term + FAR, Number.MAX_SAFE_INTEGER]);
    message.commit = dice.pick([0, log.last + FAR, Number.MAX_SAFE_INTEGER]);
    message.reject = dice.chance(0.3);
    if (type === MessageType.Replicate) {
      message.logIndex = log.last + FAR;
      message.entries = [junk(message.logIndex + 1, message.term)];
    }
    if (type === MessageType.InstallSnapshot) {
      const [, address] = membersOf(aim.group)[0] ?? [1, 'stranger:7000'];
      const addresses = new Map([[from, address]]);
      const membership = { configChangeID: 1, addresses, observers: new Map(), removed: new Map() };
      message.snapshot = {
        filepath: '',
        fileSize: 0,
        index: log.last + FAR,
        term: state.term,
        membership,
        files: [],
      };
    }
    return addressed(message, aim, from);
  }

  /** From a member, in the current term, and refuted by what the receiver knows. */
  #impossible(dice: Dice, aim: Aim): Message | undefined {
    const { state, log } = aim.shadow.disk;
    const from = this.#pickMember(dice, aim);
    const base = { term: state.term, clusterID: aim.group.scenario.clusterID, from };
    const make = (type: MessageType, more: Partial<Message>): Message => {
      const message = makeMessage({ type, to: aim.nodeID });
      return Object.assign(message, base, more);
    };
    const lossClaim = make(MessageType.Heartbeat, { commit: log.last + FAR });
    const at = log.base + dice.int(Math.max(1, state.commit - log.base));
    const conflict = junk(at + 1, Math.max(1, state.term));
    const choices = [
      make(MessageType.ReplicateResp, { logIndex: log.last + FAR }),
      lossClaim,
      make(MessageType.Heartbeat, { commit: 0 }),
      make(MessageType.InstallSnapshot, {}),
      make(MessageType.Replicate, { logIndex: log.last + FAR, logTerm: state.term, commit: log.last + FAR }),
    ];
    // It would change what is committed: durably so, and in another term.
    if (at + 1 <= state.commit && log.term(at + 1) !== conflict.term && log.term(at) !== undefined) {
      const logTerm = log.term(at) ?? 0;
      choices.push(make(MessageType.Replicate, { logIndex: at, logTerm, entries: [conflict], commit: 0 }));
    }
    const chosen = dice.pick(choices);
    return chosen === lossClaim && !this.#isFirstLossClaim(chosen) ? undefined : chosen;
  }

  /** Said once more by the same leader in its term, it is what that leader says of a disk that was wiped. */
  #isFirstLossClaim({ clusterID, from, to, term }: Message): boolean {
    const key = `${clusterID}/${from}>${to} ${term}`;
    if (this.#lossesClaimed.has(key)) return false;
    this.#lossesClaimed.add(key);
    return true;
  }
}

function junk(index: number, term: number): Entry {
  return Object.assign(makeEntry({ type: EntryType.ApplicationEntry, cmd: new Uint8Array(3) }), {
    index,
    term,
  });
}

function addressed(message: Message, { group }: Aim, from: number): Message {
  return Object.assign(message, { from, clusterID: group.scenario.clusterID });
}

const removedFrom = ({ group }: Aim): number[] => [...(group.view.newest?.removed.keys() ?? [])];

const describe = ({ type, clusterID, from, to, term, logIndex, commit }: Message): string =>
  `type ${type} of group ${clusterID} from ${from} to ${to}, term ${term}, index ${logIndex}, commit ${commit}`;

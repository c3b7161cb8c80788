import { type GroupSettings, type Membership, type Message, MessageType, makeMessage } from '@drakkar/raftio';
import { ErrGroupMismatch } from '../errors/index.js';
import { Allowance } from './allowance.js';
import { type ApplySettings, settingsFingerprint } from './apply-settings.js';
import { FirstContact } from './first-contact.js';
import {
  type GroupDifference,
  type Other,
  bringsLog,
  claimOf,
  generalDifferences,
  isMember,
  isOfLeader,
  isVoteRequest,
  keyOf,
  ofDragonboat,
  toDifference,
} from './other.js';
import {
  type Respects,
  type SelfDescription,
  describingEntry,
  differencesFrom,
  settingsClaimed,
} from './self-description.js';

export type { GroupDifference } from './other.js';

export interface GroupGuardOptions {
  clusterID: number;
  nodeID: number;
  /** 0: not known yet; it is taken over from the leader. */
  groupID: number;
  /** As the replica begins; its settings are those of feature level 0. */
  self: Omit<SelfDescription, 'level'>;
  /** The settings were taken from a group that is at feature level 1. */
  areSettingsFinal: boolean;
  electionTimeoutTicks: number;
}

/** What the guard needs of its replica. */
export interface GroupGuardHost {
  readonly nowTick: number;
  /** Whether a leader is known here, this replica included. */
  readonly hasLeader: boolean;
  /** Feature level of the group, as applied here. */
  readonly level: number;
  /** Whether the replica has joined, and has applied nothing yet. */
  readonly isNew: boolean;
  membership(): Membership;
  send(message: Message): void;
  /**
   * Makes the identity of the group durable, and settings by which its entries were applied before they were in its
   * log; then the replica applies entries by them.
   */
  record(groupID: number, settings: GroupSettings | undefined): Promise<void>;
  /** Another replica differs: told once for each and kind of difference. */
  differs(difference: GroupDifference): void;
  /** The replica is refused from now on, or is not any more. */
  refusalChanged(refusal: ErrGroupMismatch | undefined): void;
  recordFailed(error: unknown): void;
}

/** `hint` of a GroupMismatch message that answers another one. */
const ANSWER_HINT = 1;
/** Others that are remembered: members, and a few who are none. */
const MAX_OTHERS = 64;
/** For how many election timeouts one that is no member counts after it was heard. */
const OUTSIDER_ELECTION_TIMEOUTS = 10;
/** For how many election timeouts one that sent as a leader counts as the leader. */
const LEADER_ELECTION_TIMEOUTS = 2;

/**
 * Reports of those that are no members, and of members, in so many election timeouts: who makes up node ids or changes
 * its claim with each message must not fill the log. What is left out is reported when it is heard later.
 */
const MAX_OUTSIDER_REPORTS = 8;
const MAX_MEMBER_REPORTS = 32;
const REPORT_PERIOD_ELECTION_TIMEOUTS = 10;
/** Answers to those that are no members, in an election timeout. */
const MAX_OUTSIDER_ANSWERS = MAX_OTHERS;

/** Answers to one that differs that are a tick apart; later ones an election timeout. */
const QUICK_ANSWERS = 5;
/** For how many election timeouts a replica that joins waits to hear which settings its group has. */
const ASK_ELECTION_TIMEOUTS = 10;
/** After how many election timeouts one that differs is reported though it did not say in what. */
const REPORT_ELECTION_TIMEOUTS = 3;

/**
 * Compares what must be equal on all members of a group: which group it is, and how entries are applied. Messages
 * carry both; those of a replica that differs never reach the core. Since both sides drop, those that agree are the
 * group, and a replica without a quorum of them is refused: it takes no writes and serves no linearizable reads.
 * Absent from a message, as with version 0.1 and Dragonboat, is unknown, and accepted.
 */
export class GroupGuard {
  readonly #options: GroupGuardOptions;
  readonly #host: GroupGuardHost;
  #self: Omit<SelfDescription, 'level'>;
  #settings: number;
  /** It has no state and would take the settings of a group at feature level 1, whatever its own are. */
  #isOpen: boolean;
  /** Settings that a leader has named, to be recorded with the identity of its group. */
  #provisional: GroupSettings | undefined;
  #answeredTick = -Infinity;
  readonly #others = new Map<string, Other>();
  #groupID: number;
  readonly #firstContact: FirstContact;
  readonly #outsiderReports: Allowance;
  readonly #memberReports: Allowance;
  readonly #outsiderAnswers: Allowance;
  #recording: Promise<void> | undefined;
  #refusal: ErrGroupMismatch | undefined;
  #isRefusalTold = false;
  #droppedCount = 0;

  constructor(options: GroupGuardOptions, host: GroupGuardHost) {
    this.#options = options;
    this.#host = host;
    this.#groupID = options.groupID;
    this.#self = options.self;
    this.#settings = settingsFingerprint(options.self.settings);
    const { electionTimeoutTicks } = options;
    this.#firstContact = new FirstContact(electionTimeoutTicks);
    const periodTicks = REPORT_PERIOD_ELECTION_TIMEOUTS * electionTimeoutTicks;
    this.#outsiderReports = new Allowance(MAX_OUTSIDER_REPORTS, periodTicks);
    this.#memberReports = new Allowance(MAX_MEMBER_REPORTS, periodTicks);
    this.#outsiderAnswers = new Allowance(MAX_OUTSIDER_ANSWERS, electionTimeoutTicks);
    this.#isOpen = host.isNew && options.groupID === 0 && !options.areSettingsFinal;
  }

  /** The settings of feature level 0, which others compare, are those: a snapshot has said so. */
  setSettings(settings: GroupSettings): void {
    this.#use(settings);
    this.#isOpen = false;
  }

  #use(settings: GroupSettings): void {
    const own: ApplySettings = { ...this.#self.settings, ...settings };
    this.#self = { ...this.#self, settings: own };
    this.#settings = settingsFingerprint(own);
  }

  /** Whether it may be that the leader's settings are to be taken, so that a difference means nothing yet. */
  get #isAsking(): boolean {
    return this.#isOpen && this.#host.isNew;
  }

  /** Identity of the group; 0: not known yet. */
  get groupID(): number {
    return this.#groupID;
  }

  /** Settled when an identity that is on its way to the disk is there: no snapshot may be taken before. */
  async recorded(): Promise<void> {
    await this.#recording;
  }

  /** Fingerprint of the settings that decide how entries are applied. */
  get settings(): number {
    return this.#settings;
  }

  /** Messages and snapshots that were dropped since they are of replicas that differ. */
  get droppedCount(): number {
    return this.#droppedCount;
  }

  /** Why this replica takes no writes and serves no linearizable reads; undefined: it does. */
  get refusal(): ErrGroupMismatch | undefined {
    if (this.#others.size > 0 || this.#refusal !== undefined) this.#judge();
    return this.#refusal;
  }

  /** Whether the messages of that member are dropped, since it differs. */
  refuses(nodeID: number): boolean {
    if (this.#others.size === 0) return false;
    const membership = this.#host.membership();
    for (const other of this.#others.values())
      if (other.nodeID === nodeID && isMember(other, membership)) return true;
    return false;
  }

  differences(): GroupDifference[] {
    const membership = this.#host.membership();
    return [...this.#others.values()].map((other) => toDifference(other, membership));
  }

  /** Puts what others compare into a message of this replica. */
  stamp(message: Message): void {
    message.groupID = this.#groupID;
    message.settings = this.#isAsking ? 0 : this.#settings;
  }

  /** Whether a message goes to the core. @param source raft address of the host that sent it */
  admits(message: Message, source: string): boolean {
    const isKnown = message.groupID === this.#groupID && message.settings === this.#settings;
    if (isKnown && this.#others.size === 0 && message.type !== MessageType.GroupMismatch) return true;
    return this.#examine(message, source);
  }

  /** A host of Dragonboat has a member of the group, which is not set up for that: nothing of it is taken. */
  refuseDragonboat({ from, type }: Message, source: string): void {
    this.#droppedCount++;
    const other = this.#note(from, source, { group: false, settings: true }, 'dragonboat');
    if (isOfLeader(type)) other.ledTick = this.#host.nowTick;
    other.differences = [ofDragonboat(from)];
    if (!other.reported) this.#report(other);
    this.#judge();
  }

  /** Whether a snapshot may be taken. What it lacks is unknown, and accepted. */
  admitsSnapshot(from: number, groupID: number, settings: number): boolean {
    const respects = this.#compare(groupID, settings);
    if (respects === undefined) return this.#isOfKnownGroup(groupID);
    this.#droppedCount++;
    const other = this.#note(from, '', respects, claimOf(groupID, settings));
    if (!other.reported) this.#report(other);
    return false;
  }

  /** Called with each tick. */
  tick(): void {
    this.#askSilent();
    this.#judgeIfNeeded();
  }

  /** A member that differed and is silent may agree by now, and have no other reason to say anything to this replica. */
  #askSilent(): void {
    if (this.#others.size === 0) return;
    const { nowTick } = this.#host;
    const { electionTimeoutTicks } = this.#options;
    const membership = this.#host.membership();
    for (const other of this.#others.values()) {
      const sinceTick = Math.max(other.heardTick, other.toldTick);
      if (nowTick - sinceTick >= electionTimeoutTicks && isMember(other, membership)) this.#tell(other);
    }
  }

  /** The last one that differed may be gone, too. */
  #judgeIfNeeded(): void {
    if (this.#others.size > 0 || this.#refusal !== undefined) this.#judge();
  }

  #examine(message: Message, source: string): boolean {
    const { from, groupID, settings, type } = message;
    if (this.#provisional !== undefined && this.#isAsking) this.#reconsider(settings);
    const respects = this.#compare(groupID, settings);
    if (respects !== undefined) {
      // A vote applies nothing, and without it there may be no leader that could say which settings the group has.
      if (this.#isAsking && !respects.group && isVoteRequest(type)) return true;
      if (this.#recording !== undefined) return false; // what is being recorded may be what differs
      this.#droppedCount++;
      this.#drop(message, source, respects);
      return false;
    }
    if (type === MessageType.GroupMismatch) {
      // A replica that asked has its answer; the other one gives it.
      if (!this.#others.delete(keyOf(from, source))) this.#answer(message);
      return false;
    }
    if (this.#groupID === 0 && groupID !== 0 && isOfLeader(type) && !this.#adopt(message, source))
      return false;
    this.#others.delete(keyOf(from, source));
    return true;
  }

  /** A group that has the settings of this replica's own configuration needs no others. */
  #reconsider(settings: number): void {
    const own = this.#options.self.settings;
    if (settings === this.#settings || settings !== settingsFingerprint(own)) return;
    this.#provisional = undefined;
    this.#use(own);
  }

  #compare(groupID: number, settings: number): Respects | undefined {
    const group = groupID !== 0 && this.#groupID !== 0 && groupID !== this.#groupID;
    const differs = settings !== 0 && this.#settings !== 0 && settings !== this.#settings;
    return group || differs ? { group, settings: differs } : undefined;
  }

  #drop(message: Message, source: string, respects: Respects): void {
    const { nowTick } = this.#host;
    const { from, groupID, settings, type } = message;
    const other = this.#note(from, source, respects, claimOf(groupID, settings));
    if (isOfLeader(type)) other.ledTick = nowTick;
    if (type === MessageType.GroupMismatch) {
      if (this.#takesSettings(message, other)) return;
      const details = differencesFrom(this.#ownDescription, message.entries, from, respects);
      if (details.length > 0) this.#learn(other, details);
    }
    const { electionTimeoutTicks } = this.#options;
    // Its own description is worth waiting for.
    const isDetailed = type === MessageType.GroupMismatch;
    const isOverdue = nowTick - other.sinceTick >= REPORT_ELECTION_TIMEOUTS * electionTimeoutTicks;
    if (nowTick - other.sinceTick >= ASK_ELECTION_TIMEOUTS * electionTimeoutTicks) this.#isOpen = false;
    const isMeaningful = other.group || !this.#isAsking;
    if (!other.reported && isMeaningful && (isDetailed || isOverdue)) this.#report(other);
    // The first ones may be lost: a host gets such a message when it has said that it knows them.
    const pauseTicks = other.toldCount < QUICK_ANSWERS ? 1 : electionTimeoutTicks;
    if (nowTick - other.toldTick >= pauseTicks && this.#mayAnswer(other)) this.#tell(other);
    this.#judge();
  }

  #mayAnswer(other: Other): boolean {
    return isMember(other, this.#host.membership()) || this.#outsiderAnswers.take(this.#host.nowTick);
  }

  #learn(other: Other, differences: readonly string[]): void {
    if (other.differences.join() === differences.join()) return;
    other.differences = differences;
    if (this.#refusal !== undefined) this.#refusal = this.#describeRefusal();
  }

  /** Says what this replica is to one that differs, once in an election timeout after the first few. */
  #tell(other: Other): void {
    other.toldTick = this.#host.nowTick;
    other.toldCount++;
    this.#describeTo(other.nodeID);
  }

  get #ownDescription(): SelfDescription {
    return { ...this.#self, level: this.#host.level };
  }

  #describeTo(to: number, hint = 0): void {
    const { clusterID, nodeID } = this.#options;
    const message = makeMessage({
      type: MessageType.GroupMismatch,
      hint,
      to,
      from: nodeID,
      clusterID,
      entries: [describingEntry(this.#ownDescription)],
    });
    this.#host.send(message);
  }

  /**
   * To one that joins and asks, since it has other settings in its configuration, and to one that took this replica for
   * one that differs. At most one in a tick; an answer is not answered, or two that agree would go on indefinitely.
   */
  #answer({ from, hint }: Message): void {
    const { nowTick } = this.#host;
    if (hint === ANSWER_HINT || this.#host.isNew || this.#answeredTick === nowTick) return;
    this.#answeredTick = nowTick;
    this.#describeTo(from, ANSWER_HINT);
  }

  /**
   * A replica that joins a group at feature level 1 and has no state takes the settings of its leader, by which it
   * applies what the log has before that level; what is behind comes with the log. At level 0 it must have them itself.
   * While the identity of the group is provisional they are so, too.
   */
  #takesSettings({ settings: fingerprint, entries }: Message, other: Other): boolean {
    if (!this.#host.isNew || other.group || other.ledTick === -Infinity) return false;
    const claimed = settingsClaimed(entries);
    if (claimed === undefined || claimed.level === 0) return false; // it may be raised soon
    if (settingsFingerprint({ ...this.#self.settings, ...claimed.settings }) !== fingerprint) return false;
    this.#others.delete(keyOf(other.nodeID, other.address));
    this.#provisional = claimed.settings;
    if (this.#groupID === 0) this.#use(claimed.settings);
    else this.#record(this.#groupID);
    return true;
  }

  #note(nodeID: number, address: string, respects: Respects, claim: string): Other {
    const key = keyOf(nodeID, address);
    const { nowTick } = this.#host;
    let other = this.#others.get(key);
    if (other?.claim !== claim) {
      const differences = generalDifferences(respects, nodeID);
      other = {
        ...respects,
        claim,
        nodeID,
        address,
        heardTick: nowTick,
        ledTick: -Infinity,
        toldTick: -Infinity,
        toldCount: 0,
        sinceTick: nowTick,
        differences,
        reported: false,
      };
      if (this.#others.size >= MAX_OTHERS) this.#forgetOldest();
      this.#others.set(key, other);
    }
    other.heardTick = nowTick;
    return other;
  }

  /** Makes room: one who is no member goes first. */
  #forgetOldest(): void {
    const membership = this.#host.membership();
    const byAge = [...this.#others].sort(([, a], [, b]) => a.heardTick - b.heardTick);
    const oldest = byAge.find(([, other]) => !isMember(other, membership)) ?? byAge[0];
    if (oldest !== undefined) this.#others.delete(oldest[0]);
  }

  #report(other: Other): void {
    const difference = toDifference(other, this.#host.membership());
    const allowance = difference.isMember ? this.#memberReports : this.#outsiderReports;
    if (!allowance.take(this.#host.nowTick)) return;
    other.reported = true;
    this.#host.differs(difference);
  }

  /**
   * A replica that joins takes the identity of its group from its first leader, and records it before it takes anything
   * of that leader's log: a crash must not leave a log of a group that is not known. Until then the identity is
   * provisional, and a leader of another group takes its place (first-contact.ts).
   */
  #adopt(message: Message, source: string): boolean {
    const { from, groupID } = message;
    const membership = this.#host.membership();
    if (membership.addresses.size > 0) {
      if (!isMember({ nodeID: from, address: source }, membership)) return true;
      this.#record(groupID);
      return false;
    }
    const belief = this.#firstContact.hear(groupID, this.#host.nowTick);
    if (belief === 'contested') this.#drop(message, source, { group: true, settings: false });
    if (belief !== 'believed') return false;
    if (!bringsLog(message)) return true;
    this.#record(groupID);
    return false;
  }

  /** Of a group that is not known yet only its leader's snapshot is taken, while the identity is being recorded. */
  #isOfKnownGroup(groupID: number): boolean {
    if (this.#groupID !== 0 || groupID === 0 || this.#host.membership().addresses.size > 0) return true;
    if (this.#firstContact.hear(groupID, this.#host.nowTick) !== 'believed') return false;
    this.#record(groupID);
    return true;
  }

  #record(groupID: number): void {
    this.#recording ??= this.#finishRecord(groupID);
  }

  async #finishRecord(groupID: number): Promise<void> {
    try {
      const settings = this.#provisional;
      await this.#host.record(groupID, settings);
      this.#groupID = groupID;
      if (settings !== undefined) this.#use(settings);
      this.#isOpen = false;
    } catch (error) {
      this.#host.recordFailed(error);
    } finally {
      this.#recording = undefined;
    }
  }

  #judge(): void {
    this.#forgetOutsiders();
    const isRefused = this.#others.size > 0 && !this.#isHearingOut() && this.#isRefused();
    if (isRefused) this.#refusal ??= this.#describeRefusal();
    else this.#refusal = undefined;
    // Told when it is known in what the others differ; calls are refused before that.
    const isToBeTold = isRefused && (this.#isRefusalTold || this.#isAnyReported());
    if (isToBeTold === this.#isRefusalTold) return;
    this.#isRefusalTold = isToBeTold;
    this.#host.refusalChanged(this.#refusal);
  }

  /** Whether all that is known to differ are settings that a replica which joins is asking for. */
  #isHearingOut(): boolean {
    if (!this.#isAsking) return false;
    for (const { group } of this.#others.values()) if (group) return false;
    return true;
  }

  #isAnyReported(): boolean {
    for (const { reported } of this.#others.values()) if (reported) return true;
    return false;
  }

  /**
   * Refused is a replica without a quorum of voting members that may agree with it, one whose leader differs, one that
   * more others take for a member of another group than its own has members, and one that joins and meets anybody who
   * differs.
   */
  #isRefused(): boolean {
    const { hasLeader, nowTick } = this.#host;
    const membership = this.#host.membership();
    const voterCount = membership.addresses.size;
    const leaderTicks = LEADER_ELECTION_TIMEOUTS * this.#options.electionTimeoutTicks;
    // A leader that others have elected shows that the group is one; who leads alone shows nothing.
    const isConfirmed = hasLeader && voterCount > 1;
    let differing = 0;
    let outsiders = 0;
    let isOutsiderLeading = false;
    for (const other of this.#others.values()) {
      if (!isMember(other, membership)) {
        if (!other.group || membership.removed.has(other.nodeID)) continue;
        outsiders++;
        isOutsiderLeading ||= nowTick - other.ledTick < leaderTicks;
        continue;
      }
      if (membership.addresses.has(other.nodeID)) differing++;
      if (!hasLeader && nowTick - other.ledTick < leaderTicks) return true;
    }
    if (voterCount === 0) return true;
    const agreeing = voterCount - differing;
    if (agreeing < Math.floor(voterCount / 2) + 1) return true;
    // One that leads a group without this replica's vote has the vote of another, at least.
    return !isConfirmed && outsiders + (isOutsiderLeading ? 1 : 0) > agreeing;
  }

  /** Whether a quorum of the voting members says the same, which is not what this replica says. */
  #isMajorityAgainst(): boolean {
    const membership = this.#host.membership();
    const counts = new Map<string, number>();
    for (const other of this.#others.values()) {
      if (!membership.addresses.has(other.nodeID) || !isMember(other, membership)) continue;
      counts.set(other.claim, (counts.get(other.claim) ?? 0) + 1);
    }
    return Math.max(0, ...counts.values()) > membership.addresses.size / 2;
  }

  #forgetOutsiders(): void {
    const since = this.#host.nowTick - OUTSIDER_ELECTION_TIMEOUTS * this.#options.electionTimeoutTicks;
    let membership: Membership | undefined;
    for (const [key, other] of this.#others) {
      if (other.heardTick >= since) continue;
      membership ??= this.#host.membership();
      if (!isMember(other, membership)) this.#others.delete(key);
    }
  }

  #describeRefusal(): ErrGroupMismatch {
    const { clusterID, nodeID } = this.#options;
    const others = this.differences();
    const nodes = [...new Set(others.map((other) => other.nodeID))].join(', ');
    const what = [...new Set(others.flatMap(({ differences }) => differences))].join('; ');
    return new ErrGroupMismatch(
      `group ${clusterID}: node ${nodeID} on this host differs from node ${nodes} in what must be equal on all members: ` +
        `${what}. It takes no writes and serves no linearizable reads until they are equal; ` +
        (this.#isMajorityAgainst()
          ? 'most members agree with each other, so this replica is to be changed'
          : 'no majority of the members is known to agree, so find out which of them is right'),
      { details: { clusterID, nodeID, others } },
    );
  }
}

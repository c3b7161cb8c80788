import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { Session } from '@drakkar/framework';
import type { KeyValueInput } from '@drakkar/linearizability';
import { SeededRandom } from '../harness/random.js';
import type { BulkLoad } from './bulk-load.js';
import type { ChaosCluster } from './cluster.js';
import type { Group } from './groups.js';
import { rest } from './lane.js';
import type { Answer } from './node-commands.js';
import type { GroupRecorder } from './recorder.js';
import type { ChaosCommand } from './state-machine.js';

/** What a client is: with a session, it tries again until it knows; without, each attempt is a write of its own. */
type ClientKind = 'session' | 'no session' | 'reader';
const CLIENT_KINDS: readonly ClientKind[] = ['session', 'no session', 'reader'];

const ATTEMPT_TIMEOUT_MS = 1_500;
/** For a large command, on links of 10 Mbit/s. */
const LARGE_TIMEOUT_MS = 10_000;
/** Beyond what the host allows itself; a process that is stopped answers nothing at all. */
const CALL_MARGIN_MS = 500;
const CALL_TIMEOUT_MS = ATTEMPT_TIMEOUT_MS + CALL_MARGIN_MS;
/** So many of a hundred commands of a session have another one at their side, on the same session. */
const TWO_AT_ONCE_PERCENT = 5;
/** Mean time between two calls of a client. */
const THINK_MS = 60;
const KEYS = 4;
/** Keys are left for new ones, so that none gets a history too long to check. */
const CALLS_PER_KEY_SET = 150;
const CAS_PERCENT = 40;

type Outcome = 'returned' | 'lost' | 'dropped';

/** What the clients of one group share. */
interface GroupState {
  group: Group;
  recorder: GroupRecorder;
  calls: number;
  lastSeen: Map<string, number>;
}

/**
 * Clients of all groups, in this process: they go to any member, and to another one when they get no answer, with the
 * same session. What they do and see is recorded.
 */
export class Clients {
  /** Commands that were given while their session had another one under way, and were refused for that. */
  refusedAtOnce = 0;
  readonly #cluster: ChaosCluster;
  readonly #bulk: BulkLoad;
  readonly #random: SeededRandom;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  /** Errors by code, of whatever kind, and how often they were met. */
  readonly errors = new Map<string, number>();
  #giveUpAtMs = Infinity;
  #nextValue = 1;
  #nextClient = 1;

  constructor(cluster: ChaosCluster, bulk: BulkLoad, seed: number) {
    this.#cluster = cluster;
    this.#bulk = bulk;
    this.#random = new SeededRandom(seed);
    setMaxListeners(0, this.#stop.signal);
  }

  /** Clients of each kind for a group. */
  start(group: Group, recorder: GroupRecorder): void {
    const state: GroupState = { group, recorder, calls: 0, lastSeen: new Map() };
    for (const kind of CLIENT_KINDS) {
      const client = this.#nextClient;
      this.#nextClient += 1;
      const work = kind === 'reader' ? this.#read(state, client) : this.#write(state, client, kind);
      work.catch(() => {});
      this.#running.push(work);
    }
  }

  /** Lets every client finish its call; one that has no answer by then leaves it open. Rejects as a client did. */
  async stop(patienceMs: number, signal?: AbortSignal): Promise<void> {
    signal?.addEventListener('abort', () => (this.#giveUpAtMs = 0), { once: true });
    this.#giveUpAtMs = performance.now() + patienceMs;
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  get #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  async #think(): Promise<void> {
    await rest(THINK_MS * (0.5 + this.#random.next()), this.#stop.signal);
  }

  async #write(state: GroupState, client: number, kind: ClientKind): Promise<void> {
    const { recorder } = state;
    let session: Session | undefined;
    const rival = { client: this.#nextClient++, seq: 1 };
    for (let seq = 1; !this.#isStopping; await this.#think()) {
      if (kind === 'session' && session === undefined) {
        session = await this.#openSession(state);
        if (session === undefined) continue;
        if (this.#random.between(1, 100) <= TWO_AT_ONCE_PERCENT) {
          if (!(await this.#writeTwo(state, session, { client, seq }, rival))) session = undefined;
          seq += 1;
          continue;
        }
      }
      const { input, command } = this.#draw(state, client, seq);
      const call = recorder.invoked(client, input);
      const { outcome, value } = await this.#propose(state, session, JSON.stringify(command));
      if (outcome === 'returned') {
        recorder.returned(call, command.op === 'cas' ? { isSet: value === 1 } : {}, seq);
        session?.proposalCompleted();
        if (command.op === 'put' || value === 1) state.lastSeen.set(command.key, command.value);
      } else {
        if (outcome === 'lost') recorder.lost(call, seq);
        else recorder.dropped(call);
        session = undefined;
      }
      seq += 1;
    }
  }

  /**
   * Two commands at once on one session, as a forgotten `await` does. One of them may be refused; none that is
   * acknowledged may be lost.
   *
   * @returns whether the session can be used further
   */
  async #writeTwo(
    state: GroupState,
    session: Session,
    own: { client: number; seq: number },
    rival: { client: number; seq: number },
  ): Promise<boolean> {
    const { recorder, group } = state;
    const writes = [own, rival].map(({ client, seq }) => {
      const drawn = this.#draw(state, client, seq);
      return { ...drawn, seq, call: recorder.invoked(client, drawn.input) };
    });
    rival.seq += 1;
    const cmds = writes.map(({ command }) => JSON.stringify(command)) as [string, string];
    const asked = { clusterID: group.clusterID, session: session.toRecord(), cmds };
    const hostID = this.#random.pick([...group.members.keys()]);
    const answers = await this.#cluster
      .call(hostID, 'proposeTwo', { ...asked, sizeBytes: 0, timeoutMs: ATTEMPT_TIMEOUT_MS }, CALL_TIMEOUT_MS)
      .catch(() => undefined);
    for (const [i, { call, seq, command }] of writes.entries()) {
      const answer = answers?.[i];
      if (answer?.isGood === true) {
        recorder.returned(call, command.op === 'cas' ? { isSet: answer.value === 1 } : {}, seq);
      } else if (answer?.isOpen === false) {
        recorder.dropped(call);
        if (answer.code === 'ERR_SESSION_IN_USE') this.refusedAtOnce += 1;
      } else recorder.lost(call, seq);
    }
    const [first, second] = answers ?? [];
    if (first?.isGood !== true || second?.isGood !== false) return false;
    session.proposalCompleted();
    return !second.isOpen;
  }

  async #read(state: GroupState, client: number): Promise<void> {
    const { clusterID } = state.group;
    while (!this.#isStopping) {
      const key = this.#key(state);
      const call = state.recorder.invoked(client, { kind: 'read', key: nameIn(clusterID, key) });
      const answer = await this.#untilGood(state, (hostID) =>
        this.#cluster.call(
          hostID,
          'read',
          { clusterID, query: key, timeoutMs: ATTEMPT_TIMEOUT_MS },
          CALL_TIMEOUT_MS,
        ),
      );
      if (answer.isGood) {
        const seen = JSON.parse(answer.value) as number | null;
        state.recorder.returned(call, { value: seen ?? undefined });
        if (seen !== null) state.lastSeen.set(key, seen);
      } else state.recorder.dropped(call);
      await this.#think();
    }
  }

  #key(state: GroupState): string {
    state.calls += 1;
    const set = Math.floor(state.calls / CALLS_PER_KEY_SET);
    return `${set}.${this.#random.between(1, KEYS)}`;
  }

  #draw(state: GroupState, client: number, seq: number): { input: KeyValueInput; command: ChaosCommand } {
    const key = this.#key(state);
    const value = this.#nextValue;
    this.#nextValue += 1;
    const name = nameIn(state.group.clusterID, key);
    if (this.#random.between(1, 100) > CAS_PERCENT) {
      return { input: { kind: 'write', key: name, value }, command: { op: 'put', key, value, client, seq } };
    }
    const expected = state.lastSeen.get(key);
    return {
      input: { kind: 'cas', key: name, expected, value },
      command: { op: 'cas', key, expected: expected ?? null, value, client, seq },
    };
  }

  async #openSession(state: GroupState): Promise<Session | undefined> {
    const { clusterID } = state.group;
    const answer = await this.#untilGood(state, (hostID) =>
      this.#cluster.call(
        hostID,
        'openSession',
        { clusterID, timeoutMs: ATTEMPT_TIMEOUT_MS },
        CALL_TIMEOUT_MS,
      ),
    );
    return answer.isGood ? Session.fromRecord(answer.value) : undefined;
  }

  /** With a session until the outcome is known, or the session is; without one until an attempt may have had one. */
  async #propose(
    state: GroupState,
    session: Session | undefined,
    cmd: string,
  ): Promise<{ outcome: Outcome; value?: number }> {
    const { clusterID } = state.group;
    let isOpen = false;
    // The same for each attempt: with a session, other bytes would be another command.
    const sizeBytes = this.#bulk.take(clusterID);
    const timeoutMs = sizeBytes === 0 ? ATTEMPT_TIMEOUT_MS : LARGE_TIMEOUT_MS;
    const asked = { clusterID, session: session?.toRecord() ?? null, cmd, sizeBytes, timeoutMs };
    const answer = await this.#untilGood(
      state,
      async (hostID) => {
        const reply = await this.#cluster.call(hostID, 'propose', asked, timeoutMs + CALL_MARGIN_MS);
        isOpen ||= !reply.isGood && reply.isOpen;
        return reply;
      },
      (reply) => {
        // Nobody has told: the host may still do it.
        isOpen ||= reply === undefined;
        const isRefused = reply?.isGood === false && reply.code === 'ERR_REJECTED';
        return isRefused || (session === undefined && isOpen);
      },
    );
    if (answer.isGood) return { outcome: 'returned', value: answer.value };
    return { outcome: isOpen ? 'lost' : 'dropped' };
  }

  /**
   * Asks one member after the other until there is a good answer, time is up, or `isEnough` says so of a bad one;
   * undefined there: no answer came from a process that was asked.
   */
  async #untilGood<T>(
    { group }: GroupState,
    ask: (hostID: number) => Promise<Answer<T>>,
    isEnough: (answer: Answer<T> | undefined) => boolean = () => false,
  ): Promise<Answer<T>> {
    let last: Answer<T> = { isGood: false, code: 'NOT ASKED', isOpen: false, message: '' };
    for (let attempt = 0; attempt === 0 || performance.now() < this.#giveUpAtMs; attempt += 1) {
      const hostID = this.#random.pick([...group.members.keys()]);
      const isUp = this.#cluster.host(hostID).process?.isRunning === true;
      if (isUp) {
        const answer = await ask(hostID).catch(() => undefined);
        if (answer?.isGood === true) return answer;
        last = answer ?? { isGood: false, code: 'NO ANSWER', isOpen: true, message: '' };
        this.errors.set(last.code, (this.errors.get(last.code) ?? 0) + 1);
        if (isEnough(answer)) return last;
      }
      await delay(this.#random.between(20, 120));
    }
    return last;
  }
}

/** A key of a group, as the history of all groups has it. */
export function nameIn(clusterID: number, key: string): string {
  return `${clusterID}/${key}`;
}

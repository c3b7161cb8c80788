import type { Session } from '@drakkar/framework';
import { hasErrorCode, isDrakkarError } from '@drakkar/raftio';
import type { RegisterOperation } from '@drakkar/linearizability';
import type { Cluster, GroupState } from '../cluster/cluster.js';
import { HostDownError, type VirtualHost } from '../cluster/virtual-host.js';
import { type World } from '../cluster/world.js';
import type { Dice } from '../world/dice.js';
import { decodeAnswer, encodeCommand, incompressible } from './register-machine.js';

const MAX_ATTEMPTS = 8;
const RETRY_MS = 60;
const COMPANION_NUMBERS = 100;
const TIMEOUT_ELECTIONS = 3;
/** Of a large command, however slow the links are. */
const LARGE_TIMEOUT_MS = 120_000;
const LARGE_ATTEMPTS = 2;

type Outcome = { done: true; position: number } | { done: false; mayHaveHappened: boolean };

interface WriteOptions {
  attempts: number;
  /** `undefined`: some, as the scenario has it. */
  padding?: string;
  timeoutMs?: number;
}

/** What became of one call. */
type Failure = 'no effect' | 'unknown' | 'rejected';

const isIdleTime = (nowMs: number, burstMs: number): boolean => burstMs > 0 && nowMs % burstMs > burstMs / 2;

/** A client that reads and writes, one call after the other, at whatever host. It outlives all of them. */
export class Client {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #number: number;
  readonly #dice: Dice;
  readonly #history: RegisterOperation[];
  readonly #sessions = new Map<number, Session>();
  #count = 0;
  #companions = 0;
  isIdle = true;
  /** Is never asked, but for reads at that host. */
  avoids: VirtualHost | undefined;

  constructor(world: World, cluster: Cluster, number: number, history: RegisterOperation[], name = '') {
    this.#world = world;
    this.#cluster = cluster;
    this.#number = number;
    this.#dice = world.dice.fork(`client ${number}${name}`);
    this.#history = history;
  }

  /** Another client; equal calls give equal ones. */
  companion(name: string): Client {
    this.#companions += 1;
    const number = this.#number + COMPANION_NUMBERS * this.#companions;
    return new Client(this.#world, this.#cluster, number, this.#history, name);
  }

  /** Goes on until `isOver` says so. */
  async run(isOver: () => boolean): Promise<void> {
    const { scheduler, scenario } = this.#world;
    while (!isOver()) {
      await scheduler.sleep(this.#dice.skewed(1, scenario.thinkMs));
      // A caller that waits for the idle ones to end must not find that they had begun again.
      if (isOver()) return;
      if (isIdleTime(scheduler.nowMs, scenario.burstMs)) continue;
      this.isIdle = false;
      const group = this.#dice.pick(this.#cluster.groups);
      const wish = this.#dice.int(20);
      if (wish < 9) await this.writeOnce(group);
      else if (wish < 12) await this.#write(group, undefined, { attempts: 1 });
      else await this.read(group, this.#pickHost(group));
      this.isIdle = true;
    }
  }

  /** A write with a session. Resolves to whether it was acknowledged. */
  async writeOnce(group: GroupState): Promise<boolean> {
    const session = await this.#session(group);
    if (session === undefined) return false;
    const done = await this.#write(group, session, { attempts: MAX_ATTEMPTS });
    if (this.#sessions.get(group.scenario.clusterID) === session) session.proposalCompleted();
    return done;
  }

  /** A write with a session that takes its time on the way. Resolves to whether it was acknowledged. */
  async writeLarge(group: GroupState, paddingBytes: number): Promise<boolean> {
    const session = await this.#session(group);
    if (session === undefined) return false;
    this.#world.traffic.proposesLarge(LARGE_ATTEMPTS * paddingBytes);
    const how = {
      attempts: LARGE_ATTEMPTS,
      padding: incompressible(paddingBytes),
      timeoutMs: LARGE_TIMEOUT_MS,
    };
    const done = await this.#write(group, session, how);
    if (this.#sessions.get(group.scenario.clusterID) === session) session.proposalCompleted();
    return done;
  }

  /** A linearizable read at `host`. Resolves to whether it was answered. */
  async read(group: GroupState, host: VirtualHost | undefined): Promise<boolean> {
    const { clusterID } = group.scenario;
    const { oracle, scheduler, coverage } = this.#world;
    if (host === undefined) return false;
    const key = this.#key();
    const invokedAt = scheduler.nowMs;
    const readID = this.#nextID();
    oracle.see('readAsked', { clusterID, readID });
    try {
      const options = { timeoutMs: this.#timeoutMs(group) };
      const bytes = await host.call((nodeHost) => nodeHost.syncRead(clusterID, Buffer.from(key), options));
      const { position, value } = decodeAnswer(bytes);
      oracle.see('readAnswered', { clusterID, readID, position, key, value });
      coverage.count('read answered');
      const nodeID = host.replicas.get(clusterID)?.nodeID ?? 0;
      if (group.view.newest?.observers.has(nodeID) === true) coverage.count('observer read answered');
      this.#note({ kind: 'get', key: `${clusterID}/${key}`, value, invokedAt, returnedAt: scheduler.nowMs });
      return true;
    } catch (error) {
      this.#tellClaim(group, `read ${readID}`, 'read', error);
      this.#classify(error);
      return false;
    }
  }

  async #write(group: GroupState, session: Session | undefined, how: WriteOptions): Promise<boolean> {
    const { clusterID } = group.scenario;
    const { oracle, scheduler, coverage, scenario } = this.#world;
    const key = this.#key();
    const id = `${this.#number}.${this.#nextID()}`;
    const padding = how.padding ?? 'x'.repeat(this.#dice.int(scenario.paddingBytes + 1));
    const cmd = encodeCommand({ id, key, value: id }, padding);
    const invokedAt = scheduler.nowMs;
    const outcome = await this.#propose(group, session, { what: id, cmd }, how);
    const operation = { kind: 'put', key: `${clusterID}/${key}`, value: id, invokedAt } as const;
    if (outcome.done) {
      oracle.see('writeAnswered', { clusterID, position: outcome.position, command: id });
      coverage.count(session === undefined ? 'no-op write acknowledged' : 'write acknowledged');
      this.#note({ ...operation, returnedAt: scheduler.nowMs });
    } else if (outcome.mayHaveHappened) {
      coverage.count('write outcome unknown');
      this.#note({ ...operation, returnedAt: undefined });
    } else {
      oracle.see('refused', { clusterID, command: id });
    }
    return outcome.done;
  }

  async #propose(
    group: GroupState,
    session: Session | undefined,
    { what, cmd }: { what: string; cmd: Uint8Array },
    { attempts, timeoutMs = this.#timeoutMs(group) }: WriteOptions,
  ): Promise<Outcome> {
    const options = { timeoutMs };
    let mayHaveHappened = false;
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1) {
        this.#world.coverage.count('write retried');
        await this.#world.scheduler.sleep(this.#dice.int(RETRY_MS * attempt));
      }
      const host = this.#pickHost(group);
      if (host === undefined) continue;
      this.#world.oracle.see('attempted', { clusterID: group.scenario.clusterID, what });
      try {
        const value = await host.call((nodeHost) =>
          nodeHost.syncPropose(session ?? nodeHost.getNoOPSession(group.scenario.clusterID), cmd, options),
        );
        return { done: true, position: Number(value) };
      } catch (error) {
        this.#tellClaim(group, what, 'proposal', error);
        const failure = this.#classify(error);
        if (failure === 'unknown') mayHaveHappened = true;
        if (failure === 'rejected') {
          this.#world.coverage.count('session gone');
          this.#sessions.delete(group.scenario.clusterID);
          break;
        }
      }
    }
    return { done: false, mayHaveHappened };
  }

  async #session(group: GroupState): Promise<Session | undefined> {
    const { clusterID } = group.scenario;
    const known = this.#sessions.get(clusterID);
    // Now and then a session is ended; what happens to it then does not matter any more.
    if (known !== undefined && !this.#dice.chance(0.03)) return known;
    this.#sessions.delete(clusterID);
    const host = this.#pickHost(group);
    const options = { timeoutMs: this.#timeoutMs(group) };
    try {
      if (known !== undefined) await host?.call((nodeHost) => nodeHost.closeSession(known, options));
      const session = await host?.call((nodeHost) => nodeHost.getNewSession(clusterID, options));
      if (session === undefined) return undefined;
      this.#sessions.set(clusterID, session);
      this.#world.coverage.count('session opened');
      return session;
    } catch (error) {
      this.#classify(error);
      return undefined;
    }
  }

  #tellClaim(group: GroupState, what: string, operation: 'proposal' | 'read', error: unknown): void {
    if (!isDrakkarError(error)) return;
    const { clusterID } = group.scenario;
    const { code, effect, retry } = error;
    // It may learn of its removal during the call; who asks it again later is told by another client.
    this.#world.oracle.see('claimed', { clusterID, what, operation, code, effect, retry, isRemoved: false });
  }

  #classify(error: unknown): Failure {
    if (error instanceof HostDownError) return error.wasCalled ? 'unknown' : 'no effect';
    if (hasErrorCode(error, 'ERR_REJECTED')) return 'rejected';
    if (!isDrakkarError(error) || (error.effect === 'none' && error.retry === 'never')) {
      this.#world.oracle.fail('no unexpected error for a client', `client ${this.#number}: ${String(error)}`);
    }
    return isDrakkarError(error) && error.effect === 'none' ? 'no effect' : 'unknown';
  }

  #note(operation: RegisterOperation): void {
    this.#history.push({ ...operation, client: this.#number });
  }

  #pickHost(group: GroupState): VirtualHost | undefined {
    const hosts = this.#cluster
      .hostsOf(group.scenario.clusterID)
      .filter((host) => host.nodeHost !== undefined && host !== this.avoids);
    return hosts.length === 0 ? undefined : this.#dice.pick(hosts);
  }

  #timeoutMs(group: GroupState): number {
    return TIMEOUT_ELECTIONS * group.scenario.electionRTT * this.#world.scenario.tickMs;
  }

  #key(): string {
    return `k${this.#dice.int(this.#world.scenario.keyCount)}`;
  }

  #nextID(): number {
    this.#count += 1;
    return this.#number * 1_000_000 + this.#count;
  }
}

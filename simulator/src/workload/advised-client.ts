import type { RegisterOperation } from '@drakkar/linearizability';
import { type NodeHost, type Session, newSession } from '@drakkar/framework';
import { DrakkarError, type ErrorEffect, isDrakkarError } from '@drakkar/raftio';
import type { Cluster, GroupState } from '../cluster/cluster.js';
import { HostDownError, type VirtualHost } from '../cluster/virtual-host.js';
import type { World } from '../cluster/world.js';
import type { Claim } from '../invariants/observation.js';
import type { Dice } from '../world/dice.js';
import { decodeAnswer, encodeCommand } from './register-machine.js';

const MAX_ATTEMPTS = 8;
const RETRY_MS = 80;
const TIMEOUT_ELECTIONS = 2;
/** Some of its calls have so little time that they end in the midst of it. */
const SHORT_TICKS = 2;
const KEY_COUNT = 3;

interface Work<T> {
  group: GroupState;
  what: string;
  operation: Claim['operation'];
  call: (nodeHost: NodeHost) => Promise<T>;
  /** Whether it does no harm to do it twice. */
  isRepeatable: boolean;
}

type End<T> = { isDone: true; answer: T } | { isDone: false; effect: ErrorEffect };

/**
 * A client that believes what errors say, the last one of each operation, and nothing else: whether there was an effect
 * (`effect`), and where to try again (`retry`). Uses its sessions for two commands at once now and then.
 */
export class AdvisedClient {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #number: number;
  readonly #dice: Dice;
  readonly #history: RegisterOperation[];
  readonly #sessions = new Map<number, Session>();
  #count = 0;
  isIdle = true;

  constructor(world: World, cluster: Cluster, number: number, history: RegisterOperation[]) {
    this.#world = world;
    this.#cluster = cluster;
    this.#number = number;
    this.#dice = world.dice.fork(`advised client ${number}`);
    this.#history = history;
  }

  /** Goes on until `isOver` says so. */
  async run(isOver: () => boolean): Promise<void> {
    const { scheduler, scenario } = this.#world;
    while (!isOver()) {
      await scheduler.sleep(this.#dice.skewed(1, scenario.thinkMs));
      if (isOver()) return;
      this.isIdle = false;
      const group = this.#dice.pick(this.#cluster.groups);
      const wish = this.#dice.int(10);
      if (wish < 5) await this.#writeWithSession(group);
      else if (wish < 8) await this.#write(group, undefined);
      else await this.#read(group);
      this.isIdle = true;
    }
  }

  async #writeWithSession(group: GroupState): Promise<void> {
    const session = await this.#session(group);
    if (session === undefined) return;
    const count = this.#dice.chance(0.3) ? 2 : 1;
    const ends = await Promise.all(Array.from({ length: count }, () => this.#write(group, session)));
    if (ends.includes('ERR_REJECTED')) this.#sessions.delete(group.scenario.clusterID);
    else session.proposalCompleted();
  }

  /** Resolves to the code of the last error; undefined when it was acknowledged. */
  async #write(group: GroupState, session: Session | undefined): Promise<string | undefined> {
    const { clusterID } = group.scenario;
    const { oracle, scheduler, coverage } = this.#world;
    const id = `${this.#number}.${this.#nextID()}`;
    const key = this.#key();
    const cmd = encodeCommand({ id, key, value: id }, '');
    const options = this.#options(group);
    const invokedAt = scheduler.nowMs;
    let code: string | undefined;
    const end = await this.#carryOut({
      group,
      what: id,
      operation: 'proposal',
      isRepeatable: session !== undefined,
      call: async (nodeHost) => {
        try {
          return await nodeHost.syncPropose(session ?? nodeHost.getNoOPSession(clusterID), cmd, options);
        } catch (error) {
          code = isDrakkarError(error) ? error.code : undefined;
          throw error;
        }
      },
    });
    const operation = { kind: 'put', key: `${clusterID}/${key}`, value: id, invokedAt } as const;
    if (end.isDone) {
      oracle.see('writeAnswered', { clusterID, position: Number(end.answer), command: id });
      this.#note({ ...operation, returnedAt: scheduler.nowMs });
      return undefined;
    }
    if (code === 'ERR_SESSION_IN_USE') coverage.count('second command refused');
    if (end.effect === 'unknown') this.#note({ ...operation, returnedAt: undefined });
    else oracle.see('refused', { clusterID, command: id });
    return code;
  }

  async #read(group: GroupState): Promise<void> {
    const { clusterID } = group.scenario;
    const { scheduler } = this.#world;
    const key = this.#key();
    const invokedAt = scheduler.nowMs;
    const end = await this.#carryOut({
      group,
      what: `read ${this.#number}.${this.#nextID()}`,
      operation: 'read',
      isRepeatable: true,
      call: (nodeHost) => nodeHost.syncRead(clusterID, Buffer.from(key), this.#options(group)),
    });
    if (!end.isDone) return;
    const { value } = decodeAnswer(end.answer);
    this.#note({ kind: 'get', key: `${clusterID}/${key}`, value, invokedAt, returnedAt: scheduler.nowMs });
  }

  /** One that is registered; now and then the old one is given up without a word, so that others are evicted. */
  async #session(group: GroupState): Promise<Session | undefined> {
    const { clusterID } = group.scenario;
    const known = this.#sessions.get(clusterID);
    if (known !== undefined && !this.#dice.chance(0.1)) return known;
    this.#sessions.delete(clusterID);
    const random = { uint64: () => BigInt(this.#dice.int(0x4000_0000)) * 0x40_0000n + BigInt(this.#number) };
    const session = newSession(clusterID, random);
    session.prepareForRegister();
    const end = await this.#carryOut({
      group,
      what: `session ${session.clientID}`,
      operation: 'session',
      isRepeatable: true,
      call: async (nodeHost) => {
        const request = nodeHost.proposeSession(session, this.#options(group));
        const { outcome } = await request.result;
        const { effect, retry } = request;
        if (effect === undefined || retry === undefined) return;
        throw new DrakkarError(`ERR_${outcome}`, { effect, retry }, 'the session was not registered');
      },
    });
    if (!end.isDone) return undefined;
    session.prepareForPropose();
    this.#sessions.set(clusterID, session);
    return session;
  }

  async #carryOut<T>(work: Work<T>): Promise<End<T>> {
    const { scheduler, oracle, coverage } = this.#world;
    const { group, what, isRepeatable } = work;
    const { clusterID } = group.scenario;
    let effect: ErrorEffect = 'none';
    let host = this.#pickHost(group, undefined);
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      if (host === undefined) return { isDone: false, effect };
      const isRemoved = isRemovedAt(host, clusterID);
      oracle.see('attempted', { clusterID, what });
      try {
        return { isDone: true, answer: await host.call(work.call) };
      } catch (error) {
        if (error instanceof HostDownError) {
          if (error.wasCalled) effect = 'unknown';
          host = this.#pickHost(group, host);
        } else if (isDrakkarError(error)) {
          const { code, retry } = error;
          effect = error.effect;
          oracle.see('claimed', {
            clusterID,
            what,
            operation: work.operation,
            code,
            effect,
            retry,
            // It may have been stopped and started again meanwhile.
            isRemoved: isRemoved && isRemovedAt(host, clusterID),
          });
          if (retry === 'never') return { isDone: false, effect };
          coverage.count('advice followed');
          if (retry === 'elsewhere' || host.nodeHost === undefined) host = this.#pickHost(group, host);
        } else {
          oracle.fail('no unexpected error for a client', `client ${this.#number}: ${String(error)}`);
          return { isDone: false, effect: 'unknown' };
        }
      }
      if (effect === 'unknown' && !isRepeatable) break;
      await scheduler.sleep(RETRY_MS * attempt);
    }
    return { isDone: false, effect };
  }

  #note(operation: RegisterOperation): void {
    this.#history.push({ ...operation, client: this.#number });
  }

  #pickHost(group: GroupState, not: VirtualHost | undefined): VirtualHost | undefined {
    const up = this.#cluster
      .hostsOf(group.scenario.clusterID)
      .filter(({ nodeHost }) => nodeHost !== undefined);
    const others = up.filter((host) => host !== not);
    const from = others.length > 0 ? others : up;
    return from.length === 0 ? undefined : this.#dice.pick(from);
  }

  #options({ scenario: { electionRTT } }: GroupState): { timeoutMs: number } {
    const ticks = this.#dice.chance(0.3) ? SHORT_TICKS : TIMEOUT_ELECTIONS * electionRTT;
    return { timeoutMs: ticks * this.#world.scenario.tickMs };
  }

  #key(): string {
    return `advised ${this.#dice.int(KEY_COUNT)}`;
  }

  #nextID(): number {
    this.#count += 1;
    return this.#number * 1_000_000 + this.#count;
  }
}

/** Whether the replica there has learnt that it was removed; one that starts again has to find that in its log. */
function isRemovedAt(host: VirtualHost, clusterID: number): boolean {
  const replicas = host.nodeHost?.getNodeHostInfo().replicas ?? [];
  return replicas.some((replica) => replica.clusterID === clusterID && replica.state === 'removed');
}

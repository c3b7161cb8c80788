import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type * as framework from '@drakkar/framework';
import type { ClusterConfigInput, HostListener, NodeHost } from '@drakkar/framework';
import { type MutualTLSConfig, isDrakkarError } from '@drakkar/raftio';
import { fail } from '../suite/assert.js';
import { patient, sleep } from '../suite/wait.js';
import type { AssemblySite } from './harness.js';
import { Ledger, type LedgerCommand, type LedgerQuery, encodeCommand, encodeQuery } from './ledger.js';

export const CLUSTER_ID = 7;
const TICK_MS = 20;
const CALL_MS = 10_000;
/** Longest that anything a case waits for may take, on an idle machine. */
const PATIENCE_MS = 20_000;
const POLL_MS = 5;

/** Waits until `probe` gives something other than undefined. */
export async function until<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const patienceMs = patient(PATIENCE_MS);
  const end = performance.now() + patienceMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > end) fail(`${what}: not within ${patienceMs} ms`);
    await sleep(POLL_MS);
  }
}

/** Long enough on this machine as it is now: a call that times out may have had its effect, and is not repeated. */
export function callOptions(): { timeoutMs: number } {
  return { timeoutMs: patient(CALL_MS) };
}

/** Repeats a call whose failure is known to have had no effect. */
export async function retrying<T>(what: string, call: () => Promise<T>): Promise<T> {
  const done = await until(what, async () => {
    try {
      return { value: await call() };
    } catch (error) {
      if (isDrakkarError(error) && error.effect === 'none' && error.retry !== 'never') return undefined;
      throw error;
    }
  });
  return done.value;
}

export interface MemberOptions {
  tls?: MutualTLSConfig | undefined;
  group?: Partial<ClusterConfigInput>;
  events?: HostListener;
}

/** Only here: the other suites are used without the framework. */
async function loadFramework(): Promise<typeof framework> {
  try {
    return await import('@drakkar/framework');
  } catch (cause) {
    throw new Error('the suite of assembled hosts needs the package @drakkar/framework: install it', {
      cause,
    });
  }
}

/** One host of the group, and its replica; `host` is gone while it is stopped. */
export class Member {
  machine = new Ledger();
  #host: NodeHost | undefined;

  constructor(
    readonly nodeID: number,
    readonly address: string,
    readonly dir: string,
    readonly joins: boolean,
    readonly options: MemberOptions,
  ) {}

  get host(): NodeHost {
    if (this.#host === undefined) throw new Error(`host ${this.nodeID} is stopped`);
    return this.#host;
  }

  get isRunning(): boolean {
    return this.#host !== undefined;
  }

  async open({ logdb, transport }: AssemblySite): Promise<NodeHost> {
    const { tls, events } = this.options;
    await mkdir(this.dir, { recursive: true });
    this.machine = new Ledger();
    const { LoggerFactoryID, NodeHost, silentLoggerFactory } = await loadFramework();
    this.#host = await NodeHost.create(
      {
        raftAddress: this.address,
        nodeHostDir: this.dir,
        rttMillisecond: TICK_MS,
        logdb,
        transport,
        ...(tls === undefined ? {} : { mutualTls: true, ...tls }),
      },
      {
        ...(events === undefined ? {} : { events }),
        overrides: (container) => container.bind(LoggerFactoryID).toConstantValue(silentLoggerFactory),
      },
    );
    return this.#host;
  }

  async stop(): Promise<void> {
    const host = this.#host;
    this.#host = undefined;
    await host?.stop();
  }

  /** Gives a command to this host; resolves when it was applied. */
  async write(command: LedgerCommand): Promise<void> {
    const bytes = encodeCommand(command);
    await retrying(`a write through host ${this.nodeID}`, () =>
      this.host.syncPropose(this.host.getNoOPSession(CLUSTER_ID), bytes, callOptions()),
    );
  }

  /** A linearizable read through this host. */
  async read(query: LedgerQuery): Promise<unknown> {
    const answer = await retrying(`a read through host ${this.nodeID}`, () =>
      this.host.syncRead(CLUSTER_ID, encodeQuery(query), callOptions()),
    );
    return JSON.parse(Buffer.from(answer).toString());
  }

  async readIDs(): Promise<string[]> {
    return (await this.read({ ids: true })) as string[];
  }
}

/** Surroundings of one case: hosts on one LogDB and one transport, and a group of replicas on them. */
export class AssemblyBench {
  readonly members: Member[] = [];
  readonly #all: Member[] = [];

  constructor(readonly site: AssemblySite) {}

  get running(): Member[] {
    return this.members.filter(({ isRunning }) => isRunning);
  }

  /** A host that has not been started. `joins`: its replica is to be added to a group that runs. */
  async make(nodeID: number, options: MemberOptions = {}, joins = false): Promise<Member> {
    const dir = join(this.site.folder, `host-${nodeID}`);
    const member = new Member(nodeID, await this.#newAddress(), dir, joins, options);
    this.#all.push(member);
    return member;
  }

  /** A port that is free is given out again as long as nobody listens at it. */
  async #newAddress(): Promise<string> {
    let address = await this.site.newAddress();
    for (let tries = 1; this.#all.some((member) => member.address === address) && tries < 20; tries++)
      address = await this.site.newAddress();
    return address;
  }

  /** Three hosts with a replica each; resolves when they have a leader. */
  async startGroup(optionsOf: (nodeID: number) => MemberOptions = () => ({})): Promise<Member[]> {
    for (const nodeID of [1, 2, 3]) this.members.push(await this.make(nodeID, optionsOf(nodeID)));
    await Promise.all(this.members.map((member) => this.start(member)));
    await this.leader();
    return this.members;
  }

  /** Starts a host and its replica, or starts them again on the data that they left. */
  async start(member: Member): Promise<Member> {
    const host = await member.open(this.site);
    const initial = new Map(
      this.members.filter(({ joins }) => !joins).map(({ nodeID, address }) => [nodeID, address]),
    );
    await host.startCluster(
      member.joins ? new Map<number, string>() : initial,
      member.joins,
      () => member.machine,
      {
        clusterID: CLUSTER_ID,
        nodeID: member.nodeID,
        electionRTT: 10,
        heartbeatRTT: 1,
        ...member.options.group,
      },
    );
    return member;
  }

  /** The member that all that run take for the leader. */
  leader(among: readonly Member[] = this.running): Promise<Member> {
    return until('a leader that all agree on', () => {
      const ids = new Set(among.map(({ host }) => host.getLeaderID(CLUSTER_ID).leaderID));
      const [id] = ids;
      return ids.size === 1 ? among.find(({ nodeID }) => nodeID === id) : undefined;
    });
  }

  /** Fails unless all these come to hold the same, which begins with or is `ids`. */
  async checkAgree(members: readonly Member[], count: number): Promise<void> {
    await until(`all replicas apply ${count} commands`, () =>
      members.every(({ machine }) => machine.ids.length >= count) ? true : undefined,
    );
    const [first, ...others] = members;
    for (const { nodeID, machine } of others) {
      if (machine.getHash() !== first?.machine.getHash()) {
        fail(`replicas ${first?.nodeID} and ${nodeID} have come to hold different things`);
      }
    }
  }

  async cleanUp(): Promise<void> {
    try {
      await Promise.all(this.#all.map((member) => member.stop()));
    } finally {
      await this.site.teardown();
    }
  }
}

export function commands(prefix: string, count: number): LedgerCommand[] {
  return Array.from({ length: count }, (_, i) => ({ id: `${prefix}-${i + 1}` }));
}

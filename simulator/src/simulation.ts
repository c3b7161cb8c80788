import { type ILogger, type ILoggerFactory, preloadHost, useSnappyInTurn } from '@drakkar/framework';
import { checkLinearizableRegister } from '@drakkar/linearizability';
import type { RegisterOperation } from '@drakkar/linearizability';
import { Cluster, connect } from './cluster/cluster.js';
import { type Fault, makeFaultPlan } from './cluster/fault-plan.js';
import { FaultInjector } from './cluster/faults.js';
import { Gauges } from './cluster/gauges.js';
import { GroupAdmin } from './cluster/group-admin.js';
import { Liveness } from './cluster/liveness.js';
import { isInvariantError } from './cluster/replica-watch.js';
import { Requests } from './cluster/requests.js';
import { Restoration } from './cluster/restoration.js';
import { type Scenario, makeScenario, rulesIn } from './cluster/scenario.js';
import { SettingsAdmin } from './cluster/settings-admin.js';
import { Traffic } from './cluster/traffic.js';
import { type World, tell } from './cluster/world.js';
import type { ExtensionName } from './extensions.js';
import { runDrill } from './drills/run-drill.js';
import { allInvariants } from './invariants/all.js';
import { Oracle } from './invariants/oracle.js';
import { Shadows } from './invariants/shadows.js';
import { Network } from './net/network.js';
import { runTrials } from './trials/trials.js';
import { AdvisedClient } from './workload/advised-client.js';
import { Client } from './workload/client.js';
import { Coverage } from './world/coverage.js';
import { Dice } from './world/dice.js';
import { Scheduler } from './world/scheduler.js';
import { Trace, type TraceSink } from './world/trace.js';

export interface SimulationOptions {
  seed: number;
  /** Instead of the seed's own faults: a part of them. */
  plan?: readonly Fault[];
  /** These extensions and no others; `undefined`: what the seed draws. */
  extensions?: readonly ExtensionName[] | undefined;
  /** Hears what happens, line by line. */
  onNews?: TraceSink;
  /** Whether it hears each step too. */
  isVerbose?: boolean;
  /** The name of an invariant: nothing else is checked. */
  only?: string | undefined;
}

export interface SimulationResult {
  seed: number;
  /** What did not hold; `undefined` when all did. */
  violation: { invariant: string; message: string } | undefined;
  /** Equal for two runs of a seed, anywhere. */
  traceHash: string;
  simulatedMs: number;
  steps: number;
  coverage: Record<string, number>;
  plan: readonly Fault[];
  /** What happened last. */
  news: readonly string[];
}

const LINEARIZABILITY_LIMIT_MS = 20_000;
const CLIENT_END_MS = 120_000;
const ADVISED_CLIENTS = 2;
/** Above the numbers of other clients and of their companions. */
const FIRST_ADVISED_CLIENT = 100_001;
const MAX_STEPS = 3_000_000;

const textOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

/** The logs of the hosts go into the trace. */
function traceLogger(trace: Trace, oracle: Oracle): ILoggerFactory {
  const add =
    (level: string) =>
    (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      const { err } = fields ?? {};
      // What fails for that reason does so in silence otherwise, e.g. a snapshot.
      if (isInvariantError(err)) oracle.fail('an invariant of the framework', `${message}: ${String(err)}`);
      trace.detail(
        `${level}: ${message}${err === undefined ? '' : `: ${err instanceof Error ? err.message : ''}`}`,
      );
    };
  const quiet = (): void => undefined;
  const logger: ILogger = { debug: quiet, info: add('info'), warn: add('warn'), error: add('error') };
  return { getLogger: () => logger };
}

/** One life of a cluster, from its seed. */
class Simulation {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #plan: readonly Fault[];
  readonly #history: RegisterOperation[] = [];
  #isOver = false;

  constructor(options: SimulationOptions) {
    const { seed, onNews, isVerbose } = options;
    const dice = new Dice(seed);
    this.#scenario = makeScenario(seed, dice.fork('scenario'), options.extensions);
    this.#plan = options.plan ?? makeFaultPlan(this.#scenario, dice.fork('faults'));
    const trace = new Trace(onNews, isVerbose);
    const coverage = new Coverage();
    const scheduler = new Scheduler(trace);
    const network = new Network(scheduler, trace, coverage, dice.fork('network'));
    const shadows = new Shadows();
    const oracle = new Oracle(shadows, allInvariants(shadows, rulesIn(this.#scenario)), options.only);
    const traffic = new Traffic(oracle);
    this.#world = { scenario: this.#scenario, scheduler, trace, coverage, dice, network, oracle, traffic };
  }

  async run(): Promise<SimulationResult> {
    // The first host, or replica, of a process would load them, in real time.
    await preloadHost();
    await useSnappyInTurn().catch(() => undefined);
    const { scheduler, oracle, trace, coverage } = this.#world;
    const { seed } = this.#scenario;
    const drill = await runDrill(seed, { trace, coverage, only: oracle.only });
    if (drill.violation !== undefined) return this.#result(drill.violation, drill);
    let isDone = false;
    this.#live().then(
      () => (isDone = true),
      (error: unknown) => oracle.fail('the simulator itself', textOf(error)),
    );
    const onUnhandled = (error: unknown): void => oracle.fail('no unhandled rejection', textOf(error));
    process.on('unhandledRejection', onUnhandled);
    try {
      await scheduler.run(() => isDone || oracle.violation !== undefined || scheduler.steps > MAX_STEPS);
      if (scheduler.steps > MAX_STEPS) oracle.fail('progress', `no end after ${MAX_STEPS} steps`);
    } catch (error) {
      oracle.fail('progress', textOf(error));
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
    const { violation } = oracle;
    if (violation === undefined) this.#checkHistory();
    const { simulatedMs, steps } = drill;
    const whole = { simulatedMs: simulatedMs + scheduler.nowMs, steps: steps + scheduler.steps };
    return this.#result(oracle.violation, whole);
  }

  #result(
    violation: { invariant: string; message: string } | undefined,
    { simulatedMs, steps }: { simulatedMs: number; steps: number },
  ): SimulationResult {
    const { trace, coverage } = this.#world;
    return {
      seed: this.#scenario.seed,
      violation: violation && { invariant: violation.invariant, message: violation.message },
      simulatedMs,
      steps,
      coverage: coverage.toRecord(),
      plan: this.#plan,
      news: trace.lastNews,
      traceHash: trace.digest(),
    };
  }

  async #live(): Promise<void> {
    const { scheduler, network, trace } = this.#world;
    const { clientCount, quality, links, safetyMs } = this.#scenario;
    tell(this.#world, 'sim', JSON.stringify(this.#scenario));
    const loggerFactory = traceLogger(trace, this.#world.oracle);
    const cluster = new Cluster(this.#world, loggerFactory);
    connect(this.#world, cluster);
    network.quality = quality;
    network.links = links;
    cluster.start();
    const requests = new Requests(this.#world);
    const faults = new FaultInjector(this.#world, cluster, requests);
    faults.schedule(this.#plan);
    const admins = cluster.groups.map((group) => new GroupAdmin(this.#world, cluster, group));
    for (const admin of admins) this.#spawn(admin.run());
    if (this.#scenario.extensions.includes('settings-changed')) {
      for (const group of cluster.groups) this.#spawn(new SettingsAdmin(this.#world, cluster, group).run());
    }
    const clients: (Client | AdvisedClient)[] = Array.from(
      { length: clientCount },
      (_, i) => new Client(this.#world, cluster, i + 1, this.#history),
    );
    if (this.#scenario.extensions.includes('advised-clients')) clients.push(...this.#advisedClients(cluster));
    for (const client of clients) this.#spawn(client.run(() => this.#isOver));
    this.#spawn(new Gauges(this.#world, cluster).run());
    await scheduler.sleep(safetyMs);
    faults.end();
    const liveness = new Liveness(this.#world, cluster, admins);
    liveness.prepare();
    this.#world.traffic.becomeCalm();
    this.#isOver = true;
    const lateMs = scheduler.nowMs + CLIENT_END_MS;
    while (clients.some((client) => !client.isIdle) && scheduler.nowMs < lateMs) await scheduler.sleep(100);
    if (clients.some((client) => !client.isIdle))
      this.#world.oracle.fail('liveness', 'a call of a client does not end');
    const prober = new Client(this.#world, cluster, 0, this.#history);
    await liveness.check(prober);
    if (this.#world.oracle.violation !== undefined) return;
    await runTrials({ world: this.#world, cluster, admins, liveness, requests, prober });
    if (this.#world.oracle.violation !== undefined) return;
    await new Restoration(this.#world, cluster, requests, loggerFactory).run();
  }

  #advisedClients(cluster: Cluster): AdvisedClient[] {
    return Array.from(
      { length: ADVISED_CLIENTS },
      (_, i) => new AdvisedClient(this.#world, cluster, FIRST_ADVISED_CLIENT + i, this.#history),
    );
  }

  #spawn(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#world.oracle.fail('the simulator itself', textOf(error));
    });
  }

  #checkHistory(): void {
    const result = checkLinearizableRegister(this.#history, { timeLimitMs: LINEARIZABILITY_LIMIT_MS });
    if (result.verdict === 'violation') this.#world.oracle.fail('linearizability', result.message);
    if (result.verdict === 'undecided')
      this.#world.oracle.fail('linearizability', `undecided: ${result.reason}`);
  }
}

/** The faults that belong to a seed. */
export function makeFaultPlanOf(seed: number, extensions?: readonly ExtensionName[]): Fault[] {
  const dice = new Dice(seed);
  return makeFaultPlan(makeScenario(seed, dice.fork('scenario'), extensions), dice.fork('faults'));
}

export function simulate(options: SimulationOptions): Promise<SimulationResult> {
  return new Simulation(options).run();
}

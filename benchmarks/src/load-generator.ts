import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { quantile } from '@drakkar/proving';
import type { NodeHost, RequestResult } from '@drakkar/framework';
import type { MeasureOptions, Measurement } from './commands.js';

const PROPOSAL = { timeoutMs: 10_000 };
const PAUSE_AFTER_FAILURE_MS = 20;

export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Keeps a number of proposals under way; the end of one starts the next, in the same turn. */
class Load {
  readonly #propose: () => { onResult(listener: (result: RequestResult) => void): void };
  #isRunning = true;
  #underWay = 0;
  #onIdle: (() => void) | undefined;
  /** Latencies in ms, in no order; only those of the measured time. */
  latencies: number[] = [];
  failures = 0;
  /** Completed at any time. */
  allWrites = 0;

  constructor(propose: () => { onResult(listener: (result: RequestResult) => void): void }) {
    this.#propose = propose;
  }

  start(inflight: number): void {
    for (let i = 0; i < inflight; i += 1) this.#next();
  }

  /** Lets what is under way end. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    if (this.#underWay === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }

  #next(): void {
    const startedAt = performance.now();
    this.#underWay += 1;
    try {
      this.#propose().onResult((result) => {
        this.#underWay -= 1;
        if (result.completed()) {
          this.allWrites += 1;
          this.latencies.push(performance.now() - startedAt);
          if (this.#isRunning) this.#next();
        } else {
          this.#failed();
        }
        if (this.#underWay === 0) this.#onIdle?.();
      });
    } catch {
      // The host is full: the proposal was not taken.
      this.#underWay -= 1;
      this.#failed();
    }
  }

  #failed(): void {
    this.failures += 1;
    if (!this.#isRunning) return;
    setTimeout(() => {
      if (this.#isRunning) this.#next();
    }, PAUSE_AFTER_FAILURE_MS);
  }
}

/** Proposes to a group whose leader is on this host, without client sessions, and measures. */
export async function measure(
  host: NodeHost,
  clusterID: number,
  options: MeasureOptions,
): Promise<Measurement> {
  const session = host.getNoOPSession(clusterID);
  const user = host.getNodeUser(clusterID);
  const cmd = new Uint8Array(options.payloadBytes);
  const load = new Load(() => user.propose(session, cmd, PROPOSAL));
  load.start(options.inflight);
  await delay(options.warmUpSeconds * 1_000);
  load.latencies = [];
  load.failures = 0;
  const cpuBefore = cpuMicros();
  const startedAt = performance.now();
  await delay(options.seconds * 1_000);
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = cpuMicros() - cpuBefore;
  const { latencies, failures } = load;
  const sorted = Float64Array.from(latencies).sort();
  await load.stop();
  return {
    seconds,
    writes: sorted.length,
    allWrites: load.allWrites,
    failures,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    cpuMicros: cpu,
  };
}

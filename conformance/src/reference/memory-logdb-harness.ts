import type { ILogDB } from '@drakkar/raftio';
import type { LogDBHarness, LogDBPlace } from '../logdb/harness.js';
import { type CrashPlan, type CrashTrace, Tracer, runFaultWorkload, runWorkload } from '../logdb/workload.js';
import { eventually, turn } from '../suite/wait.js';
import { MEMORY_LOGDB_CAPABILITIES, MemoryLogDB, MemoryPlace } from './memory-logdb.js';

export type OpenMemoryLogDB = (place: MemoryPlace) => ILogDB;

/** A place in memory, whose process can be lost and whose disk can be broken. */
class MemoryLogDBPlace implements LogDBPlace {
  readonly #place = new MemoryPlace();
  readonly #open: OpenMemoryLogDB;

  constructor(open: OpenMemoryLogDB) {
    this.#open = open;
  }

  open(): Promise<ILogDB> {
    return Promise.resolve().then(() => this.#open(this.#place));
  }

  async crash(plan: CrashPlan): Promise<CrashTrace> {
    const tracer = new Tracer(plan);
    let lost = false;
    const workload = runWorkload(await this.open(), plan, (event) => {
      if (!lost) tracer.note(event);
    });
    workload.catch(() => undefined);
    await eventually(() => tracer.acks >= plan.acksBeforeCrash, 'the workload gets acknowledgements');
    for (let turns = 0; turns < plan.delay; turns++) await turn();
    lost = true;
    this.#place.lose();
    return tracer.trace;
  }

  async failWrites(plan: CrashPlan): ReturnType<NonNullable<LogDBPlace['failWrites']>> {
    const trace = await runFaultWorkload(await this.open(), plan, (acks) => {
      if (acks === plan.acksBeforeCrash) this.#place.broken = true;
    });
    this.#place.broken = false;
    return trace;
  }

  usedBytes(): Promise<number> {
    return Promise.resolve(this.#place.usedBytes);
  }

  teardown(): Promise<void> {
    this.#place.lose();
    return Promise.resolve();
  }
}

/** The harness of the reference LogDB, or of a variant of it. */
export function memoryLogDBHarness(
  open: OpenMemoryLogDB = (place) => new MemoryLogDB(place),
  name = 'reference-logdb',
): LogDBHarness {
  return {
    name,
    capabilities: MEMORY_LOGDB_CAPABILITIES,
    setup: () => Promise.resolve(new MemoryLogDBPlace(open)),
  };
}

import type { ILogDB } from '@drakkar/raftio';
import type { LogDBHarness, LogDBPlace } from '../logdb/harness.js';
import {
  type CrashPlan,
  type CrashTrace,
  Tracer,
  isCrashDue,
  runFaultWorkload,
  runWorkload,
} from '../logdb/workload.js';
import { turn } from '../suite/wait.js';
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

  /** Counts turns of the event loop, so that the same plan loses the process at the same moment. */
  async crash(plan: CrashPlan): Promise<CrashTrace> {
    const tracer = new Tracer(plan);
    const db = await this.open();
    await new Promise<void>((resolve, reject) => {
      const lose = async (): Promise<void> => {
        for (let turns = 0; turns < plan.delay; turns++) await turn();
        this.#place.lose();
        resolve();
      };
      const workload = runWorkload(db, plan, (event) => {
        tracer.note(event);
        if (isCrashDue(plan, event, tracer.acks)) void lose();
      });
      workload.catch(reject);
    });
    return { lanes: tracer.trace.lanes.map((lane) => ({ ...lane })) };
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

import { KVLogDB } from '@drakkar/raftio/kv';
import type { LogDBHarness, LogDBPlace } from '../logdb/harness.js';
import { runLogDB } from '../logdb/suite.js';
import { type CrashPlan, type CrashTrace, Tracer, isCrashDue, runWorkload } from '../logdb/workload.js';
import { turn } from '../suite/wait.js';
import { KVDisk, type KVFault, SmallKV } from './kv-store.js';
import { namedCases } from './logdb-mutants.js';
import type { Mutant } from './mutant.js';

class KVPlace implements LogDBPlace {
  readonly #disk = new KVDisk();
  readonly #faults: readonly KVFault[];

  constructor(faults: readonly KVFault[]) {
    this.#faults = faults;
  }

  open(): Promise<KVLogDB> {
    return KVLogDB.open(new SmallKV(this.#disk, this.#faults), { name: 'small' });
  }

  async crash(plan: CrashPlan): Promise<CrashTrace> {
    const tracer = new Tracer(plan);
    const db = await this.open();
    await new Promise<void>((resolve, reject) => {
      const lose = async (): Promise<void> => {
        for (let turns = 0; turns < plan.delay; turns++) await turn();
        this.#disk.owner = undefined;
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

  teardown(): Promise<void> {
    this.#disk.owner = undefined;
    return Promise.resolve();
  }
}

/** The harness of the LogDB on a small store, with these mistakes in the store. */
export function kvHarness(faults: readonly KVFault[], name: string): LogDBHarness {
  const capabilities = { shrinksOnCompaction: false, exclusiveOpen: false, durable: true };
  return { name, capabilities, setup: () => Promise.resolve(new KVPlace(faults)) };
}

interface KVBug {
  name: string;
  caughtBy: readonly string[];
  fault: KVFault;
}

/** Bugs in a store below `raftio/kv`. */
const BUGS: readonly KVBug[] = [
  { name: 'deletes of a write come after its puts', caughtBy: ['LDB-MODEL-1'], fault: 'deletesLast' },
  { name: 'ranges of a write are deleted first', caughtBy: ['LDB-MODEL-2'], fault: 'rangesFirst' },
  { name: 'the key itself is no floor', caughtBy: ['LDB-MODEL-1'], fault: 'floorIsBelow' },
  { name: 'that there is more is not said', caughtBy: ['LDB-MODEL-1'], fault: 'moreForgotten' },
  { name: 'values that are given share a buffer', caughtBy: ['LDB-ARGS-3'], fault: 'sharedValues' },
  { name: 'values have less than 16 MiB', caughtBy: ['LDB-SAVE-10'], fault: 'valuesOf16MiB' },
  { name: 'keys are compared as text', caughtBy: ['LDB-NODE-2'], fault: 'keysAsText' },
  { name: 'a write resolves before it is made', caughtBy: ['LDB-CRASH-1'], fault: 'writesLate' },
  { name: 'a write of many operations is two', caughtBy: ['LDB-CRASH-2'], fault: 'twoTransactions' },
];

export const KV_MUTANTS: readonly Mutant[] = BUGS.map(({ name, caughtBy, fault }) => ({
  name: `store of a logdb: ${name}`,
  caughtBy,
  cases: namedCases(caughtBy),
  run: (only, seed = 1) => runLogDB({ ...kvHarness([fault], name), seed }, { only }),
}));

import type { ILogDB, LogDBCapabilities } from '@drakkar/raftio';
import { PendingCalls } from './pending-calls.js';
import type { CrashPlan, CrashTrace, FaultTrace } from './workload.js';

/** What was seen of a call. */
export interface SyncedCall {
  wrote: boolean;
  /** A sync began after its first write and had ended when the call did. */
  synced: boolean;
}

/** Where one LogDB lives for the length of one case: a folder, or a piece of memory. */
export interface LogDBPlace {
  /** Opens the LogDB; called again on the same place after `close` or `crash`, to ask for what was durable. */
  open(): Promise<ILogDB>;
  /** Opens the place a second time, from another process if there is one; default: `open`, in this process. */
  openElsewhere?(): Promise<Pick<ILogDB, 'close'>>;
  /**
   * Runs `runWorkload(plan)` on the place, ends it in the middle the way that a lost process ends (no clean-up of
   * any kind), and returns what it had announced until then. The place is not open before, nor after.
   */
  crash?(plan: CrashPlan): Promise<CrashTrace>;
  /**
   * Runs `runFaultWorkload(plan)` on the place with a disk whose writes begin to fail on the way, and returns what
   * it saw. The place is not open before, nor after.
   */
  failWrites?(plan: CrashPlan): Promise<FaultTrace>;
  /**
   * Runs `runFaultWorkload(plan)`, with no fault, on the place, and says of each call of its first lane whether it wrote
   * anything and whether it synced that before it resolved. The place is not open before, nor after.
   */
  watchSyncs?(plan: CrashPlan): Promise<SyncedCall[]>;
  /**
   * Changes the byte at `at` of `content` wherever that lies in what is stored, behind the back of the LogDB, which may
   * be open; gives how often it was found.
   */
  damage?(content: Uint8Array, at: number): Promise<number>;
  /** How many files of the place this process has open, and how many there are; undefined where that can't be known. */
  openFiles?(): Promise<{ handles: number; there: number } | undefined>;
  /** Bytes of storage that the place takes up, for the clauses about giving space back. */
  usedBytes?(): Promise<number>;
  /** Closes and removes what the place is made of. Called once, however the case ended. */
  teardown(): Promise<void>;
}

/** What the author of a LogDB gives to the suite. */
export interface LogDBHarness {
  name: string;
  capabilities: LogDBCapabilities;
  /** A new, empty place. */
  setup(): Promise<LogDBPlace>;
  /** Case id → why it fails for now. Such a case must fail: one that passes is reported. */
  knownGaps?: Readonly<Record<string, string>>;
  /** Seed of the cases that use random numbers; 1 unless told. */
  seed?: number;
  /** Why the adapter can't run here, e.g. an engine that is not installed: it is reported so, never as passed. */
  unavailable?: string;
}

/** Surroundings of one case: a place, with the LogDB open on it. */
export class LogDBBench {
  readonly #opened = new Set<ILogDB>();
  readonly pending = new PendingCalls();
  #db: ILogDB | undefined = undefined;
  readonly #seed: number;
  /** Whether the case has looked at the seed. */
  hasDrawn = false;

  constructor(
    readonly place: LogDBPlace,
    readonly capabilities: LogDBCapabilities,
    seed: number,
    /** A bench on a new place, for what has to begin from nothing once more; it is cleaned up by the caller that asked for it. */
    readonly another: () => Promise<LogDBBench> = () => Promise.reject(new Error('there is one place only')),
  ) {
    this.#seed = seed;
  }

  /** What a case draws from. */
  get seed(): number {
    this.hasDrawn = true;
    return this.#seed;
  }

  /** The LogDB that was opened last. */
  get db(): ILogDB {
    if (this.#db === undefined) throw new Error('the bench is closed');
    return this.#db;
  }

  async open(): Promise<ILogDB> {
    const db = this.pending.follow(await this.place.open());
    this.#opened.add(db);
    this.#db = db;
    return db;
  }

  async close(): Promise<void> {
    const { db } = this;
    this.#db = undefined;
    await db.close();
    this.#opened.delete(db);
  }

  /** Closes the LogDB and opens it again: what is found then was kept. */
  async reopen(): Promise<ILogDB> {
    await this.close();
    return this.open();
  }

  async cleanUp(): Promise<void> {
    this.#db = undefined;
    try {
      for (const db of this.#opened) await db.close();
    } finally {
      await this.place.teardown();
    }
  }
}

import type { IClock, Timer } from './clock.js';
import { isThenable } from './is-thenable.js';

/** Something that may take long, or never end: a call of the LogDB, or of a user's state machine. */
export interface OperationUnderWay {
  name: string;
  /** Of the groups that it is for. */
  clusterIDs: readonly number[];
  elapsedMs: number;
}

export interface SlowOperation extends OperationUnderWay {
  /** False: it is still under way. */
  hasEnded: boolean;
  /** Reports that were left out before this one, since there were too many. */
  leftOut: number;
}

interface Operation {
  name: string;
  groups: () => readonly number[];
  startedMs: number;
  /** When it is to be reported next. */
  dueMs: number;
  isReported: boolean;
}

/** From then on an operation is slow. */
export const SLOW_OPERATION_MS = 1_000;
/** A slow operation is reported each time that it has taken twice as long, or this much longer. */
const MAX_REPORT_PAUSE_MS = 300_000;
/** Bounds the reports when a thousand groups are slow at once. */
const MAX_REPORTS_PER_WINDOW = 100;
const WINDOW_MS = 10_000;
const MIN_CHECK_PAUSE_MS = 100;
const MAX_NAMED_OPERATIONS = 5;
const MAX_NAMED_GROUPS = 10;

/** The operations of a host that are under way; reports those that take long, and says what a stop waits for. */
export class Operations {
  readonly #clock: IClock;
  readonly #report: (slow: SlowOperation) => void;
  readonly #underWay = new Set<Operation>();
  #timer: Timer | undefined;
  #window = { startMs: -Infinity, count: 0 };
  #leftOut = 0;
  #stopped = false;

  constructor(clock: IClock, report: (slow: SlowOperation) => void) {
    this.#clock = clock;
    this.#report = report;
  }

  /** Returns what is to be called at the end; it never throws. */
  begin(name: string, groups: () => readonly number[]): () => void {
    const startedMs = this.#clock.nowMs();
    const operation = { name, groups, startedMs, dueMs: startedMs + SLOW_OPERATION_MS, isReported: false };
    this.#underWay.add(operation);
    if (this.#timer === undefined) this.#check(startedMs);
    return () => {
      if (this.#underWay.delete(operation)) this.#ended(operation);
    };
  }

  /** Watches `work` if it returns a promise; what it returns, or throws, comes out as it is. */
  watch<T>(name: string, groups: () => readonly number[], work: () => T): T {
    const end = this.begin(name, groups);
    try {
      const result: T = work();
      if (isThenable(result)) result.then(end, end);
      else end();
      return result;
    } catch (error) {
      end();
      throw error;
    }
  }

  /** As `watch`, for what seldom returns a promise: it costs nothing until it does. */
  watchIfAsync<T>(name: string, groups: () => readonly number[], work: () => T): T {
    const result: T = work();
    if (isThenable(result)) {
      const end = this.begin(name, groups);
      result.then(end, end);
    }
    return result;
  }

  /** Something that blocks everything else was done since `startedMs`. */
  blocked(name: string, clusterID: number, startedMs: number): void {
    const elapsedMs = this.#clock.nowMs() - startedMs;
    if (elapsedMs >= SLOW_OPERATION_MS) this.#tell({ name, clusterIDs: [clusterID], elapsedMs }, true);
  }

  /** The longest first. */
  list(): OperationUnderWay[] {
    return [...this.#underWay].map((operation) => this.#describe(operation));
  }

  /** Reports nothing more; what is under way goes on, and is listed. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #describe({ name, groups, startedMs }: Operation): OperationUnderWay {
    return { name, clusterIDs: groups(), elapsedMs: Math.round(this.#clock.nowMs() - startedMs) };
  }

  #ended(operation: Operation): void {
    const isSlow = this.#clock.nowMs() - operation.startedMs >= SLOW_OPERATION_MS;
    if (isSlow || operation.isReported) this.#tell(this.#describe(operation), true);
  }

  /** Reports what is due, and looks again when the next one is. */
  #check(nowMs: number): void {
    this.#timer = undefined;
    if (this.#stopped || this.#underWay.size === 0) return;
    let nextMs = Infinity;
    for (const operation of this.#underWay) {
      if (operation.dueMs <= nowMs) {
        const elapsedMs = nowMs - operation.startedMs;
        operation.dueMs = nowMs + Math.min(elapsedMs, MAX_REPORT_PAUSE_MS);
        operation.isReported = this.#tell(this.#describe(operation), false) || operation.isReported;
      }
      nextMs = Math.min(nextMs, operation.dueMs);
    }
    const pauseMs = Math.max(MIN_CHECK_PAUSE_MS, Math.ceil(nextMs - nowMs));
    this.#timer = this.#clock.setTimeout(() => this.#check(this.#clock.nowMs()), pauseMs);
  }

  /** Whether there was room for the report. */
  #tell(operation: OperationUnderWay, hasEnded: boolean): boolean {
    if (this.#stopped) return false;
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#window.startMs >= WINDOW_MS) this.#window = { startMs: nowMs, count: 0 };
    if (this.#window.count >= MAX_REPORTS_PER_WINDOW) {
      this.#leftOut += 1;
      return false;
    }
    this.#window.count += 1;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    this.#report({ ...operation, elapsedMs: Math.round(operation.elapsedMs), hasEnded, leftOut });
    return true;
  }
}

/** For an error: what is waited for, for which groups, and since when. */
export function describeOperations(operations: readonly OperationUnderWay[]): string {
  if (operations.length === 0) return 'nothing that is known';
  const named = operations.slice(0, MAX_NAMED_OPERATIONS).map(({ name, clusterIDs, elapsedMs }) => {
    const groups = describeGroups(clusterIDs);
    return `${name}${groups === '' ? '' : ` of ${groups}`}, for ${elapsedMs} ms now`;
  });
  const more = operations.length - named.length;
  return named.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

/** Such as `groups 1, 2 and others`. */
export function describeGroups(clusterIDs: readonly number[]): string {
  if (clusterIDs.length === 0) return '';
  const named = clusterIDs.slice(0, MAX_NAMED_GROUPS).join(', ');
  const others = clusterIDs.length > MAX_NAMED_GROUPS ? ' and others' : '';
  return `${clusterIDs.length === 1 ? 'group' : 'groups'} ${named}${others}`;
}

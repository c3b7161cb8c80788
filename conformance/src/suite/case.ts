/** One clause of a contract, as something that can be asked of an adapter. Its id is the clause's. */
export interface ConformanceCase<Bench, Capabilities> {
  readonly id: string;
  readonly title: string;
  /** The clause binds only adapters with this capability; without it, `otherwise` is asked, if there is one. */
  readonly requires?: keyof Capabilities & string;
  readonly run: (bench: Bench) => Promise<void>;
  /** What an adapter that does not declare `requires` must do instead. */
  readonly otherwise?: (bench: Bench) => Promise<void>;
  /** Bound on `run` together with the set-up; 15 s unless told. */
  readonly deadlineMs?: number;
}

/** `passed` and `known-gap` let a run succeed; `not-applicable` says why in `reason`. */
export type CaseStatus = 'passed' | 'failed' | 'not-applicable' | 'known-gap';

export interface CaseResult {
  id: string;
  group: string;
  title: string;
  status: CaseStatus;
  /** Why it failed, or why it is known to. */
  error: string | undefined;
  /** Why it does not apply. */
  reason: string | undefined;
  durationMs: number;
  /** It has drawn from the seed: another seed asks something else. */
  hasDrawn?: boolean;
  /** Figures that the case has measured, for reports. */
  notes?: string[];
}

export interface Report {
  adapter: string;
  contract: 'logdb' | 'rpc' | 'assembly';
  /** Whether no case failed; false, too, when nothing could be asked. */
  ok: boolean;
  /** Why nothing was asked: what the adapter needs is not installed here. There are no cases then. */
  notInstalled?: string;
  cases: CaseResult[];
}

/** The part of a test runner that a suite needs; jest, node:test and vitest have it. */
export interface TestRunner {
  describe: (name: string, body: () => void) => unknown;
  it: (name: string, body: () => Promise<void>, timeoutMs?: number) => unknown;
}

export interface RunOptions {
  /** Runs only these cases. */
  only?: readonly string[];
  onResult?: (result: CaseResult) => void;
}

/** `LDB-SAVE-3` belongs to the group `LDB-SAVE`. */
export function groupOf(id: string): string {
  return id.slice(0, id.lastIndexOf('-'));
}

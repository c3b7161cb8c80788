import { ConformanceFailure, NotApplicable, describeFailure } from './assert.js';
import {
  type CaseResult,
  type CaseStatus,
  type ConformanceCase,
  type Report,
  type RunOptions,
  type TestRunner,
  groupOf,
} from './case.js';
import { MAX_SLOWNESS, within } from './wait.js';

const DEADLINE_MS = 15_000;
const CLEAN_UP_MS = 10_000;
/** The page that states the clauses of a contract. */
export const PAGE_OF: Readonly<Record<Report['contract'], string>> = {
  logdb: '@drakkar/raftio/docs/logdb-contract.md',
  rpc: '@drakkar/raftio/docs/rpc-contract.md',
  assembly: '@drakkar/conformance/docs/assembly.md',
};
/** A test runner's own limit must lie above ours, so that ours tells what was late. */
const RUNNER_MARGIN_MS = 5000;

/** What a contract's suite is made of; the bench is a case's fresh surroundings. */
export interface Suite<Bench, Capabilities> {
  contract: Report['contract'];
  adapter: string;
  capabilities: Capabilities;
  cases: readonly ConformanceCase<Bench, Capabilities>[];
  /** Case id → why it fails for now. Strict: a known gap that passes is a failure. */
  knownGaps: Readonly<Record<string, string>>;
  /** Why the adapter can't run here; nothing is asked of it then, and nothing counts as passed. */
  unavailable?: string | undefined;
  makeBench: () => Promise<Bench>;
  /** What a case hangs in, as far as its bench knows. */
  hangsIn?: (bench: Bench) => string | undefined;
  /** Figures that a case has left on its bench. */
  notesOf?: (bench: Bench, hasFailed: boolean) => readonly string[];
  /** Whether the case on this bench has drawn from the seed. */
  hasDrawn?: (bench: Bench) => boolean;
  /** Called once for every bench made, however the case ended. */
  cleanUp: (bench: Bench) => Promise<void>;
}

type Body<Bench> = (bench: Bench) => Promise<void>;

/** What is to be run for this adapter, or why nothing is. */
function bodyOf<B, C>(suite: Suite<B, C>, test: ConformanceCase<B, C>): Body<B> | string {
  if (test.requires === undefined || suite.capabilities[test.requires] === true) return test.run;
  return test.otherwise ?? `${test.requires} is not declared`;
}

function withHung<B, C>(suite: Suite<B, C>, bench: B, what: string): string {
  const call = suite.hangsIn?.(bench);
  return call === undefined ? what : `${what} hangs in ${call}`;
}

async function runBody<B, C>(
  suite: Suite<B, C>,
  body: Body<B>,
  deadlineMs: number,
  seen: { notes: string[]; hasDrawn: boolean },
): Promise<void> {
  const bench = await within(suite.makeBench(), deadlineMs, 'set-up of the harness');
  let failure: unknown;
  try {
    await within(body(bench), deadlineMs, () => withHung(suite, bench, 'the case'));
  } catch (error) {
    failure = error ?? new ConformanceFailure('the case threw nothing');
  }
  seen.notes.push(...(suite.notesOf?.(bench, failure !== undefined) ?? []));
  seen.hasDrawn = suite.hasDrawn?.(bench) ?? false;
  try {
    await within(suite.cleanUp(bench), CLEAN_UP_MS, () => withHung(suite, bench, 'clean-up after the case'));
  } catch (error) {
    failure ??= error;
  }
  if (failure !== undefined) throw failure as Error;
}

interface Outcome {
  status: CaseStatus;
  error: string | undefined;
  reason: string | undefined;
}

function outcomeOf(failure: unknown, gap: string | undefined): Outcome {
  if (failure instanceof NotApplicable) {
    return { status: 'not-applicable', error: undefined, reason: failure.message };
  }
  if (gap === undefined) {
    return failure === undefined
      ? { status: 'passed', error: undefined, reason: undefined }
      : { status: 'failed', error: describeFailure(failure), reason: undefined };
  }
  return failure === undefined
    ? { status: 'failed', error: `no longer a gap: remove it from knownGaps (${gap})`, reason: undefined }
    : { status: 'known-gap', error: describeFailure(failure), reason: gap };
}

async function runCase<B, C>(suite: Suite<B, C>, test: ConformanceCase<B, C>): Promise<CaseResult> {
  const from = performance.now();
  const body = bodyOf(suite, test);
  const seen = { notes: [] as string[], hasDrawn: false };
  let failure: unknown;
  try {
    if (typeof body === 'string') throw new NotApplicable(body);
    await runBody(suite, body, test.deadlineMs ?? DEADLINE_MS, seen);
  } catch (error) {
    failure = error;
  }
  return {
    id: test.id,
    group: groupOf(test.id),
    title: test.title,
    ...outcomeOf(failure, suite.knownGaps[test.id]),
    durationMs: Math.round(performance.now() - from),
    ...(seen.notes.length > 0 ? { notes: seen.notes } : {}),
    ...(seen.hasDrawn ? { hasDrawn: true } : {}),
  };
}

/** Throws when a known gap names no case: a typing error must not look like a gap closed. */
function checkKnownGaps<B, C>(suite: Suite<B, C>): void {
  const ids = new Set(suite.cases.map(({ id }) => id));
  const unknown = Object.keys(suite.knownGaps).filter((id) => !ids.has(id));
  if (unknown.length > 0) throw new Error(`knownGaps name no case: ${unknown.join(', ')}`);
}

/** Runs the cases one after the other, without a test runner. */
export async function runSuite<B, C>(suite: Suite<B, C>, options: RunOptions = {}): Promise<Report> {
  checkKnownGaps(suite);
  const { adapter, contract, unavailable } = suite;
  if (unavailable !== undefined)
    return { adapter, contract, ok: false, notInstalled: unavailable, cases: [] };
  const cases: CaseResult[] = [];
  for (const test of suite.cases) {
    if (options.only !== undefined && !options.only.includes(test.id)) continue;
    const result = await runCase(suite, test);
    options.onResult?.(result);
    cases.push(result);
  }
  const ok = cases.every(({ status }) => status !== 'failed');
  return { adapter, contract, ok, cases };
}

/** Registers every case with a test runner, grouped as in the contract. */
export function registerSuite<B, C>(runner: TestRunner, suite: Suite<B, C>): void {
  checkKnownGaps(suite);
  const groups = new Map<string, ConformanceCase<B, C>[]>();
  for (const test of suite.cases) {
    const group = groupOf(test.id);
    groups.set(group, [...(groups.get(group) ?? []), test]);
  }
  const { unavailable } = suite;
  runner.describe(`${suite.contract}: ${suite.adapter}`, () => {
    if (unavailable !== undefined) {
      runner.it('is installed', () => Promise.reject(new Error(`not installed: ${unavailable}`)));
      return;
    }
    for (const [group, cases] of groups) {
      runner.describe(group, () => {
        for (const test of cases) registerCase(runner, suite, test);
      });
    }
  });
}

function registerCase<B, C>(runner: TestRunner, suite: Suite<B, C>, test: ConformanceCase<B, C>): void {
  const body = bodyOf(suite, test);
  const note = typeof body === 'string' ? ` (not applicable: ${body})` : '';
  runner.it(
    `${test.id} ${test.title}${note}`,
    async () => {
      const result = await runCase(suite, test);
      if (result.status === 'failed')
        throw new ConformanceFailure(
          `${test.id}: ${result.error}; the clause is in ${PAGE_OF[suite.contract]}`,
        );
    },
    ((test.deadlineMs ?? DEADLINE_MS) * 2 + CLEAN_UP_MS) * MAX_SLOWNESS + RUNNER_MARGIN_MS,
  );
}

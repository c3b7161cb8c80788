import type { Entry, NodeInfo } from '@drakkar/raftio';
import { ConformanceFailure, describeError, fail } from '../../suite/assert.js';
import { within } from '../../suite/wait.js';
import { sameEntries, sameSnapshot } from '../../suite/raftpb.js';
import { same } from '../../suite/assert.js';
import { checkBootstrapIs } from '../check.js';
import type { LogDBBench } from '../harness.js';
import { LogDBModel, type Operation, checkModel, checkReplica, perform } from '../model.js';
import { spoilBootstrap, spoilEntries, spoilSnapshot, spoilUpdates } from '../spoil.js';
import {
  type ReadStep,
  type Step,
  type WriteStep,
  isRead,
  isWrite,
  operationOf,
  replicasOf,
} from './steps.js';
import { codeOf } from './code.js';

const SETTLE_MS = 30_000;

/** Runs one history on one place, and compares all that it gives with the model. */
export class HistoryRun {
  readonly #bench: LogDBBench;
  #model = new LogDBModel();
  #pending: Promise<void>[] = [];
  /** Arguments of the calls that are under way: they are the caller's again when all have settled. */
  #given: Operation[] = [];

  constructor(bench: LogDBBench) {
    this.#bench = bench;
  }

  /** Throws a ConformanceFailure that names the step. */
  async run(steps: readonly Step[]): Promise<void> {
    for (const [i, step] of steps.entries()) {
      const what = `step ${i + 1} of ${steps.length}: ${codeOf(step)}`;
      try {
        await this.#take(step, what);
      } catch (error) {
        if (error instanceof ConformanceFailure && error.message.includes(' at step ')) throw error;
        const settled = await Promise.allSettled(this.#pending);
        const earlier = settled.find((each) => each.status === 'rejected');
        const cause: unknown = earlier?.status === 'rejected' ? earlier.reason : error;
        fail(`${describeError(cause)}, at ${what}`);
      }
    }
    await this.#settle();
  }

  async #take(step: Step, what: string): Promise<void> {
    if (isRead(step)) this.#call(this.#read(step), what);
    else if (isWrite(step)) this.#write(step, what);
    else {
      await this.#settle();
      if (step.do === 'check') await checkModel(this.#bench.db, this.#model, 'all of it');
      if (step.do === 'reopen') await this.#bench.reopen();
      if (step.do === 'crash') await this.#crash(step);
    }
  }

  #write(step: WriteStep, what: string): void {
    if (!isAllowed(this.#model, step)) return;
    this.#model.apply(operationOf(step));
    const given = operationOf(step);
    this.#given.push(given);
    this.#call(perform(this.#bench.db, given), what);
  }

  #call(promise: Promise<void>, what: string): void {
    const named = promise.catch((error: unknown) => fail(`${describeError(error)}, at ${what}`));
    named.catch(() => undefined);
    this.#pending.push(named);
  }

  async #settle(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    await within(Promise.all(pending), SETTLE_MS, `the end of ${pending.length} calls that overlap`);
    for (const each of this.#given) spoilOperation(each);
    this.#given = [];
  }

  /** What is expected is what the model has when the call is made. */
  #read(step: ReadStep): Promise<void> {
    const { db } = this.#bench;
    const { clusterID, nodeID } = step.of;
    const model = this.#model.replica(step.of);
    switch (step.do) {
      case 'getBootstrapInfo': {
        const expected = model.bootstrap;
        return db.getBootstrapInfo(clusterID, nodeID).then((actual) => {
          checkBootstrapIs(actual, expected, 'bootstrap info');
          if (actual !== undefined) spoilBootstrap(actual);
        });
      }
      case 'listSnapshots': {
        const expected = model.listSnapshots(step.index);
        return db.listSnapshots(clusterID, nodeID, step.index).then((actual) => {
          same(actual.length, expected.length, 'number of records');
          for (const [i, each] of actual.entries()) {
            const want = expected[i];
            if (want !== undefined) sameSnapshot(each, want, 'records');
            spoilSnapshot(each);
          }
        });
      }
      case 'readRaftState': {
        const expected = model.raftState(step.lastIndex);
        return db.readRaftState(clusterID, nodeID, step.lastIndex).then((actual) => {
          same(actual === undefined, expected === undefined, 'whether there is a state');
          if (actual === undefined || expected === undefined) return;
          same(actual.entryCount, expected.entryCount, 'entryCount');
          if (expected.entryCount > 0) same(actual.firstIndex, expected.firstIndex, 'firstIndex');
          for (const field of ['term', 'vote', 'commit'] as const) {
            same(actual.state[field], expected.state[field], field);
          }
          Object.assign(actual.state, { term: 99, vote: 99, commit: 99 });
        });
      }
      case 'iterateEntries':
        return this.#iterate(step, model.slice(step.low, step.high, step.maxSizeBytes));
    }
  }

  async #iterate(
    { of, low, high, maxSizeBytes }: Extract<ReadStep, { do: 'iterateEntries' }>,
    expected: { entries: readonly Entry[]; sizeBytes: number },
  ): Promise<void> {
    const slice = await this.#bench.db.iterateEntries(of.clusterID, of.nodeID, low, high, maxSizeBytes);
    sameEntries(slice.entries, expected.entries, 'what was read');
    same(slice.sizeBytes, expected.sizeBytes, 'sizeBytes');
    spoilEntries(slice.entries);
  }

  /** The model is afterwards what each lane has come to. Removals may be undone by the loss: they are made again. */
  async #crash({ lanes, ...step }: Extract<Step, { do: 'crash' }>): Promise<void> {
    const { place } = this.#bench;
    const allowed = lanes.map((lane) => this.#allowed(lane));
    if (place.crash === undefined || allowed.every(({ length }) => length === 0)) {
      for (const lane of allowed) for (const each of lane) this.#write(each, 'a lane');
      await this.#settle();
      return;
    }
    await this.#bench.close();
    const count = allowed.reduce((sum, { length }) => sum + length, 0);
    const acksBeforeCrash = Math.min(step.acksBeforeCrash, count);
    const { delay } = step;
    const numbers = allowed.map(() => 0);
    const plan = {
      kind: 'append',
      seed: 1,
      lanes: numbers,
      entrySizeBytes: 0,
      acksBeforeCrash,
      delay,
    } as const;
    const trace = await place.crash({ ...plan, script: allowed });
    await this.#bench.open();
    for (const [i, lane] of allowed.entries()) {
      await this.#settleLane(lane, trace.lanes[i] ?? { started: 0, acked: 0 }, `lane ${i + 1}`);
    }
    for (const { of, removedTo } of this.#model.replicas) {
      if (removedTo > 0) await this.#bench.db.removeEntriesTo(of.clusterID, of.nodeID, removedTo);
    }
  }

  /** A lane's calls as they may be made after each other. */
  #allowed(lane: readonly WriteStep[]): WriteStep[] {
    const model = this.#model.copy();
    return lane.filter((step) => {
      if (!isAllowed(model, step)) return false;
      model.apply(operationOf(step));
      return true;
    });
  }

  async #settleLane(
    lane: readonly WriteStep[],
    { started, acked }: { started: number; acked: number },
    where: string,
  ): Promise<void> {
    const replicas = lane.flatMap(replicasOf);
    const before = this.#model.copy();
    for (const step of lane.slice(0, acked)) before.apply(operationOf(step));
    const after = before.copy();
    for (const step of lane.slice(acked, started)) after.apply(operationOf(step));
    const notAfter = await this.#differs(after, replicas, where);
    if (notAfter === undefined) {
      this.#model = after;
      return;
    }
    const notBefore = started === acked ? notAfter : await this.#differs(before, replicas, where);
    this.#model = before;
    if (notBefore === undefined) return;
    const call = lane[started - 1];
    fail(
      `after the loss of the process ${where} is neither as before nor as after call ${started} of it ` +
        `(${call === undefined ? 'none' : codeOf(call)}; acknowledged: ${acked}). As after it: ${notAfter}. As before it: ${notBefore}`,
    );
  }

  async #differs(
    model: LogDBModel,
    replicas: readonly NodeInfo[],
    where: string,
  ): Promise<string | undefined> {
    try {
      for (const of of replicas) {
        await checkReplica(this.#bench.db, model.replica(of), where, { afterCrash: true });
      }
    } catch (error) {
      return describeError(error);
    }
    return undefined;
  }
}

/** No entries are saved at or below what was removed. */
export function isAllowed(model: LogDBModel, step: WriteStep): boolean {
  if (!('updates' in step)) return true;
  if (step.updates.length === 0) return false;
  return step.updates.every(
    ({ of, entries }) => entries === undefined || entries.from > model.replica(of).removedTo,
  );
}

function spoilOperation(operation: Operation): void {
  if ('updates' in operation) spoilUpdates(operation.updates);
  if (operation.op === 'saveBootstrapInfo') spoilBootstrap(operation.bootstrap);
  if (operation.op === 'importSnapshot') spoilSnapshot(operation.snapshot);
  if ('of' in operation) Object.assign(operation.of, { clusterID: 99, nodeID: 99 });
}

import { describe, expect, it } from '@jest/globals';
import { type Entry, makeEntry } from '@drakkar/raftio';
import type { StatePoint } from '../rsm/index.js';
import { StatePoints } from './state-points.js';

/** Applies entries, at once or with promises; its hash is the index. */
class Machine {
  lastApplied = 0;
  constructor(readonly isAsync: boolean) {}
  apply(entries: readonly Entry[]): void | Promise<void> {
    if (!this.isAsync) return this.#applied(entries);
    return Promise.resolve().then(() => this.#applied(entries));
  }
  #applied(entries: readonly Entry[]): void {
    for (const { index } of entries) {
      expect(index).toBe(this.lastApplied + 1);
      this.lastApplied = index;
    }
  }
  statePoint(): Promise<StatePoint> {
    const index = this.lastApplied;
    return Promise.resolve({ index, sessions: index, membership: 0, stateMachine: undefined });
  }
}

const entries = (from: number, to: number): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, i) => makeEntry({ term: 1, index: from + i }));

function setUp(everyEntries: number, isAsync: boolean) {
  const machine = new Machine(isAsync);
  const taken: number[] = [];
  const points = new StatePoints(() => machine, {
    everyEntries,
    withHash: () => false,
    taken: ({ index, sessions }) => {
      expect(sessions).toBe(index);
      taken.push(index);
    },
    failed: (error) => {
      throw error;
    },
  });
  return { machine, points, taken };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe.each([true, false])('StatePoints, of a state machine that returns promises: %s', (isAsync) => {
  it('takes a point at each multiple, however entries come', async () => {
    const { points, taken } = setUp(10, isAsync);
    await points.apply(entries(1, 9));
    await points.apply(entries(10, 10));
    await points.apply(entries(11, 45));
    expect(taken).toEqual([10, 20, 30, 40]);
  });

  it('takes those that were asked for, now or when they come', async () => {
    const { points, taken } = setUp(0, isAsync);
    points.want(3);
    await points.apply(entries(1, 2));
    points.want(2);
    points.want(5);
    points.want(1);
    await settled();
    await points.apply(entries(3, 9));
    expect(taken).toEqual([2, 3, 5]);
  });

  it('leaves out what a snapshot took it past', async () => {
    const { machine, points, taken } = setUp(10, isAsync);
    points.want(12);
    await points.apply(entries(1, 5));
    machine.lastApplied = 33;
    await points.apply(entries(34, 41));
    expect(taken).toEqual([40]);
  });

  it('keeps a bounded number of points that were asked for', async () => {
    const { points, taken } = setUp(0, isAsync);
    for (let index = 1; index <= 100; index++) points.want(index);
    await points.apply(entries(1, 100));
    expect(taken.length).toBeLessThanOrEqual(4);
  });
});

describe('StatePoints', () => {
  it('makes no promise where there is no point', () => {
    const { points } = setUp(10, false);
    expect(points.apply(entries(1, 9))).toBeUndefined();
    expect(points.apply(entries(10, 10))).toBeInstanceOf(Promise);
  });
});

describe('StatePoints, of a state machine that gives no hash', () => {
  it('takes the rest of the state, and asks for the hash less and less often', async () => {
    const asked: number[] = [];
    const taken: number[] = [];
    let isBroken = true;
    const machine = {
      lastApplied: 0,
      apply: (all: readonly Entry[]): void => void (machine.lastApplied = all.at(-1)?.index ?? 0),
      statePoint: (withHash: boolean): Promise<StatePoint> => {
        const index = machine.lastApplied;
        if (withHash) asked.push(index);
        if (withHash && isBroken) return Promise.reject(new Error('no hash'));
        return Promise.resolve({ index, sessions: 1, membership: 2, stateMachine: withHash ? 3 : undefined });
      },
    };
    let failures = 0;
    const points = new StatePoints(() => machine, {
      everyEntries: 1,
      withHash: () => true,
      taken: ({ index }) => taken.push(index),
      failed: () => failures++,
    });
    await points.apply(entries(1, 100));
    expect(taken).toEqual(entries(1, 100).map(({ index }) => index));
    expect([asked, failures]).toEqual([[1, 4, 9, 18, 35, 68], 6]);
    isBroken = false;
    await points.apply(entries(101, 140));
    expect(asked.slice(6)).toEqual([133, 134, 135, 136, 137, 138, 139, 140]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { type Membership, type Message, MessageType, emptyMembership, makeMessage } from '@drakkar/raftio';
import { StateComparison, type StateDivergence } from './state-comparison.js';

class Bench {
  readonly sent: Message[] = [];
  readonly wanted: number[] = [];
  readonly found: StateDivergence[] = [];
  readonly recovered: number[] = [];
  readonly host = { nowTick: 0, isLeader: true, commit: 0 };
  readonly membership: Membership;
  readonly comparison: StateComparison;

  constructor(voters = [1, 2, 3], observers: number[] = []) {
    this.membership = {
      ...emptyMembership(),
      addresses: new Map(voters.map((id) => [id, `host-${id}:1`])),
      observers: new Map(observers.map((id) => [id, `host-${id}:1`])),
    };
    const { host } = this;
    this.comparison = new StateComparison(
      { clusterID: 7, nodeID: 1, intervalTicks: 50 },
      {
        get nowTick() {
          return host.nowTick;
        },
        get isLeader() {
          return host.isLeader;
        },
        get commit() {
          return host.commit;
        },
        membership: () => this.membership,
        send: (message) => void this.sent.push(message),
        want: (index) => void this.wanted.push(index),
        diverged: (divergence) => void this.found.push(divergence),
        recovered: (index) => void this.recovered.push(index),
      },
    );
  }

  own(index: number, sessions = 5, membership = 6, stateMachine?: number): void {
    this.comparison.taken({ index, sessions, membership, stateMachine });
  }

  hears(from: number, index: number, sessions = 5, membership = 6, stateMachine?: number): void {
    const hash = stateMachine === undefined ? {} : { reject: true, commit: stateMachine };
    const hashes = { logIndex: index, hint: sessions, hintHigh: membership, ...hash };
    const message = makeMessage({ type: MessageType.StateHashes, from, to: 1, clusterID: 7, ...hashes });
    expect(this.comparison.takes(message)).toBe(true);
  }
}

describe('StateComparison', () => {
  it('finds nothing where all are equal, in whatever order their hashes come', () => {
    const bench = new Bench();
    bench.hears(2, 100);
    bench.own(100);
    bench.hears(3, 100);
    expect(bench.found).toEqual([]);
    expect(bench.comparison.comparedIndex).toBe(100);
    expect(bench.sent.map(({ to, logIndex, hint, hintHigh }) => [to, logIndex, hint, hintHigh])).toEqual([
      [2, 100, 5, 6],
      [3, 100, 5, 6],
    ]);
  });

  it('finds who is not as most are, and goes on serving when that is another', () => {
    const bench = new Bench();
    bench.own(100);
    bench.hears(2, 100);
    bench.hears(3, 100, 99);
    expect(bench.found).toEqual([{ index: 100, parts: ['sessions'], wrong: [3] }]);
    expect(bench.comparison.refusal).toBeUndefined();
  });

  it('takes no verdict back at a later index before a majority is heard there', () => {
    const bench = new Bench();
    bench.own(100, 99);
    bench.hears(2, 100);
    bench.hears(3, 100);
    expect(bench.comparison.refusal).toBeDefined();
    bench.own(200, 99);
    bench.hears(2, 200);
    expect(bench.comparison.refusal).toBeDefined();
    bench.own(300);
    bench.hears(2, 300);
    bench.hears(3, 300);
    expect(bench.comparison.refusal).toBeUndefined();
  });

  it('serves no linearizable reads when it is the one that is not as most are, until it is', () => {
    const bench = new Bench();
    bench.own(100, 5, 77);
    bench.hears(2, 100);
    bench.hears(3, 100);
    expect(bench.found.at(-1)).toEqual({ index: 100, parts: ['membership'], wrong: [1] });
    expect(bench.comparison.refusal?.code).toBe('ERR_STATE_DIVERGED');
    bench.own(200);
    expect(bench.comparison.refusal?.code).toBe('ERR_STATE_DIVERGED');
    bench.hears(2, 200);
    expect(bench.comparison.refusal).toBeUndefined();
    expect(bench.recovered).toEqual([200]);
  });

  it('reports that nobody is known to be wrong without a majority', () => {
    const bench = new Bench([1, 2]);
    bench.own(100, 5);
    bench.hears(2, 100, 4);
    expect(bench.found).toEqual([{ index: 100, parts: ['sessions'], wrong: [] }]);
    expect(bench.comparison.refusal).toBeUndefined();
  });

  it('waits a moment for a majority before it says that there is none', () => {
    const bench = new Bench();
    bench.host.isLeader = false;
    bench.own(100, 5);
    bench.hears(2, 100, 4);
    bench.comparison.tick();
    expect(bench.found).toEqual([]);
    bench.host.nowTick += 20;
    bench.comparison.tick();
    expect(bench.found).toEqual([{ index: 100, parts: ['sessions'], wrong: [] }]);
  });

  it('does not count observers for a majority, and finds one that differs', () => {
    const bench = new Bench([1, 2, 3], [4, 5]);
    bench.own(100);
    for (const id of [4, 5]) bench.hears(id, 100, 9);
    expect(bench.comparison.divergence?.wrong).toEqual([]);
    expect(bench.found).toEqual([]);
    bench.hears(2, 100);
    expect(bench.found.at(-1)?.wrong).toEqual([4, 5]);
  });

  it("compares the state machines' own hashes of those that have them", () => {
    const bench = new Bench();
    bench.own(100, 5, 6, 2 ** 53 - 1);
    bench.hears(2, 100);
    bench.hears(3, 100, 5, 6, 1);
    expect(bench.found).toEqual([{ index: 100, parts: ['stateMachine'], wrong: [] }]);
  });

  it('reports the same difference once', () => {
    const bench = new Bench();
    for (let index = 100; index < 1000; index += 100) {
      bench.own(index);
      bench.hears(2, index);
      bench.hears(3, index, 99);
    }
    expect(bench.found).toHaveLength(1);
  });

  it('believes nobody who is no member, and remembers a bounded number of indexes', () => {
    const bench = new Bench();
    bench.own(5);
    bench.hears(9, 5, 1);
    for (let index = 1; index < 10_000; index++) bench.hears(2, index * 10, 1);
    expect(bench.found).toEqual([]);
    bench.own(100_000);
    bench.hears(2, 100_000);
    expect(bench.comparison.comparedIndex).toBe(100_000);
  });

  it('goes on comparing after hashes in the name of others at indexes that nobody reaches', () => {
    const bench = new Bench();
    for (let i = 0; i < 20; i++) for (const from of [2, 3]) bench.hears(from, 2 ** 52 + i, 1);
    bench.own(100);
    bench.hears(2, 100);
    bench.hears(3, 100, 9);
    expect(bench.found).toEqual([{ index: 100, parts: ['sessions'], wrong: [3] }]);
  });

  it('takes no verdict back because as many members differ as are right', () => {
    const bench = new Bench([1, 2, 3]);
    bench.own(100);
    bench.hears(2, 100);
    bench.hears(3, 100, 99);
    bench.membership.addresses.set(4, 'host-4:1');
    bench.own(200);
    bench.hears(2, 200);
    bench.hears(3, 200, 99);
    bench.hears(4, 200, 99); // its state came from node 3
    expect(bench.comparison.divergence).toMatchObject({ index: 100, wrong: [3] });
  });

  it('knows that the state here is wrong, from the verdict to the agreement', () => {
    const bench = new Bench();
    bench.own(100, 99);
    for (const from of [2, 3]) bench.hears(from, 100);
    expect(bench.comparison.isWrong).toBe(true);
    bench.own(200);
    for (const from of [2, 3]) bench.hears(from, 200);
    expect(bench.comparison.isWrong).toBe(false);
  });

  it('asks less and less often at an index at which nobody answers, and nobody where it is alone', () => {
    for (const [voters, expected] of [
      [
        [1, 2],
        [50, 150, 350, 750, 1550],
      ],
      [[1], []],
    ] as const) {
      const bench = new Bench([...voters]);
      bench.host.commit = 7;
      const ticks: number[] = [];
      while (bench.host.nowTick < 2_000) {
        bench.host.nowTick++;
        const before = bench.wanted.length;
        bench.comparison.tick();
        if (bench.wanted.length > before) ticks.push(bench.host.nowTick);
      }
      expect(ticks).toEqual(expected);
    }
  });

  it('asks for a comparison after the interval when it leads and entries were applied since', () => {
    const bench = new Bench();
    const asked = (): number[] =>
      bench.sent.filter(({ type }) => type === MessageType.StateHashesAt).map(({ logIndex }) => logIndex);
    const pass = (ticks: number): void => {
      for (let i = 0; i < ticks; i++) {
        bench.host.nowTick++;
        bench.comparison.tick();
      }
    };
    bench.host.commit = 41;
    pass(49);
    expect(asked()).toEqual([]);
    pass(1);
    expect([asked(), bench.wanted]).toEqual([[41, 41], [41]]);
    bench.own(41);
    bench.hears(2, 41);
    pass(200);
    expect(asked()).toHaveLength(2);
    bench.host.commit = 42;
    bench.host.isLeader = false;
    pass(200);
    expect(asked()).toHaveLength(2);
  });

  it('takes the hashes that a leader asks for, and leaves other messages to the core', () => {
    const bench = new Bench();
    const at = (from: number): Message =>
      makeMessage({ type: MessageType.StateHashesAt, from, to: 1, clusterID: 7, logIndex: 12 });
    expect(bench.comparison.takes(at(2))).toBe(true);
    expect(bench.comparison.takes(at(9))).toBe(true);
    expect(bench.wanted).toEqual([12]);
    expect(bench.comparison.takes(makeMessage({ type: MessageType.Heartbeat, from: 2 }))).toBe(false);
  });
});

import { describe, expect, it } from '@jest/globals';
import { isDrakkarError } from '@drakkar/raftio';
import {
  ErrCanceled,
  ErrClusterClosed,
  ErrNotAMember,
  ErrObserverBehind,
  ErrPendingLeaderTransferExist,
  ErrRejected,
  ErrTimeout,
} from '../errors/index.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import type { ClusterMembership } from '../engine/cluster-membership.js';
import type { CallOptions } from './options.js';
import { type ReplaceOptions, type ReplacingHost, nextStep, replaceNode } from './replace-node.js';

const TICK_MS = 20;
const WORK = { clusterID: 1, nodeID: 1, newNodeID: 4, address: 'host-4:1' };

function membership(nodes: number[], observers: number[] = [], removed: number[] = []): ClusterMembership {
  const at = (ids: number[]): Map<number, string> => new Map(ids.map((id) => [id, `host-${id}:1`]));
  return {
    configChangeIndex: removed.length + nodes.length + 2 * observers.length,
    nodes: at(nodes),
    observers: at(observers),
    removed: new Set(removed),
  };
}

/** A clock whose timers fire at once, with their time as passed. */
class HastyClock extends ManualClock {
  passedMs = 0;
  override nowMs(): number {
    return this.passedMs;
  }
  override setTimeout(callback: () => void, delayMs: number): { cancel: () => void } {
    this.passedMs += delayMs;
    setImmediate(callback);
    return { cancel: () => undefined };
  }
}

/** A group of 1, 2 and 3 whose changes succeed, unless `before` throws. */
class FakeGroup implements ReplacingHost {
  readonly clock = new HastyClock();
  readonly calls: string[] = [];
  nodes = [1, 2, 3];
  observers: number[] = [];
  removed: number[] = [];
  leaderID = 1;
  before: (call: string) => void = () => undefined;

  getClusterMembership(_clusterID: number, { signal }: CallOptions): Promise<ClusterMembership> {
    if (signal?.aborted === true) return Promise.reject(new ErrCanceled());
    return this.#call('look', () => membership(this.nodes, this.observers, this.removed));
  }
  getLeaderID(): { leaderID: number } {
    return { leaderID: this.leaderID };
  }
  requestLeaderTransfer(_clusterID: number, target: number): void {
    this.calls.push('transfer');
    this.before('transfer');
    this.leaderID = target;
  }
  syncRequestAddObserver(_clusterID: number, nodeID: number): Promise<void> {
    return this.#call('observe', () => void this.observers.push(nodeID));
  }
  syncRequestAddNode(_clusterID: number, nodeID: number): Promise<void> {
    return this.#call('promote', () => {
      this.observers = this.observers.filter((id) => id !== nodeID);
      this.nodes.push(nodeID);
    });
  }
  syncRequestDeleteNode(_clusterID: number, nodeID: number): Promise<void> {
    return this.#call('remove', () => {
      this.nodes = this.nodes.filter((id) => id !== nodeID);
      this.removed.push(nodeID);
    });
  }

  replace(options?: ReplaceOptions): Promise<void> {
    return replaceNode({ host: this, clock: this.clock, tickMs: TICK_MS }, WORK, options);
  }

  get changes(): string[] {
    return this.calls.filter((call) => call !== 'look');
  }

  #call<T>(call: string, work: () => T): Promise<T> {
    return Promise.resolve().then(() => {
      this.calls.push(call);
      this.before(call);
      return work();
    });
  }
}

describe('nextStep', () => {
  it.each<[string, ClusterMembership, number, string | undefined]>([
    ['adds an observer first', membership([1, 2, 3]), 1, 'addObserver'],
    ['promotes it', membership([1, 2, 3], [4]), 1, 'promote'],
    ['promotes it when the old one was removed meanwhile', membership([2, 3], [4], [1]), 2, 'promote'],
    ['moves leadership away from the old one', membership([1, 2, 3, 4]), 1, 'transferLeadership'],
    ['removes the old one that does not lead', membership([1, 2, 3, 4]), 2, 'removeOld'],
    ['removes it when nobody leads', membership([1, 2, 3, 4]), 0, 'removeOld'],
    ['has nothing left to do', membership([2, 3, 4], [], [1]), 2, undefined],
  ])('%s', (_title, members, leaderID, step) => {
    expect(nextStep(members, WORK, leaderID)).toBe(step);
  });

  it.each<[string, ClusterMembership, string, RegExp]>([
    ['a new node that was removed', membership([1, 2, 3], [], [4]), 'host-4:1', /node 4 was removed/],
    ['an old node that is an observer', membership([2, 3], [1]), 'host-4:1', /node 1 is an observer/],
    ['two strangers', membership([2, 3]), 'host-4:1', /node 1 is no member, nor is node 4/],
    ['an old node that never was a member', membership([2, 4]), 'host-4:1', /node 1 is no member and never/],
    ['a new node that is a member elsewhere', membership([1, 4]), 'host-5:1', /already, at host-4:1 and not/],
    [
      'the address of the old node, and says how a host that lost its data comes back',
      membership([1, 2, 3]),
      'HOST-1.:1',
      /HOST-1\.:1 is the address of node 1, .* remove node 1 \(syncRequestDeleteNode\), then add node 4 there/,
    ],
    [
      'the address of another node',
      membership([1, 2], [3]),
      'host-3:1',
      /is the address of node 3, .* another one/,
    ],
    ['a new observer that is elsewhere', membership([1], [4]), 'host-5:1', /already, at host-4:1 and not/],
  ])('refuses %s', (_title, members, address, reason) => {
    expect(() => nextStep(members, { ...WORK, address }, 2)).toThrow(reason);
  });

  it.each([' HOST-4:1', 'host-4.:1', 'host-4:01'])('takes %j for the address of the new node', (address) => {
    expect(nextStep(membership([1, 4]), { ...WORK, address }, 2)).toBe('removeOld');
  });
});

describe('replaceNode', () => {
  it('makes all steps, and reports each once', async () => {
    const group = new FakeGroup();
    const steps: string[] = [];
    await group.replace({ onProgress: ({ step }) => void steps.push(step) });
    expect(group.changes).toEqual(['observe', 'promote', 'transfer', 'remove']);
    expect(steps).toEqual(['addObserver', 'promote', 'transferLeadership', 'removeOld']);
    expect(group.nodes).toEqual([2, 3, 4]);
  });

  it('tries a step again more and more seldom, and reports each obstacle once', async () => {
    const group = new FakeGroup();
    let refusals = 20;
    group.before = (call) => {
      if (call === 'promote' && refusals-- > 0) throw new ErrObserverBehind(`behind ${refusals >= 10}`);
    };
    const told: (string | undefined)[] = [];
    await group.replace({
      onProgress: ({ step, obstacle }) => void (step === 'promote' && told.push(obstacle)),
    });
    expect(told).toEqual([undefined, 'behind true', 'behind false']);
    expect(group.clock.passedMs).toBeGreaterThan(14_000);
    expect(group.nodes).toEqual([2, 3, 4]);
  });

  it('names at its time-out the step and what it waits for, not that the last call had little time', async () => {
    const group = new FakeGroup();
    group.before = (call) => {
      if (call === 'promote') throw new ErrObserverBehind('the observer does not answer');
      if (call === 'look' && group.clock.passedMs > 900) throw new ErrTimeout();
    };
    const error: unknown = await group.replace({ timeoutMs: 1_000 }).catch((reason: unknown) => reason);
    expect(isDrakkarError(error) && [error.code, error.details]).toEqual([
      'ERR_TIMEOUT',
      { step: 'promote' },
    ]);
    expect(String(error)).toMatch(/within 1000 ms, at step promote \(the observer does not answer\): call/);
    expect(group.clock.passedMs).toBeLessThanOrEqual(1_000);
  });

  it('reports it when it never came to a first step', async () => {
    const group = new FakeGroup();
    group.before = () => {
      throw new ErrTimeout('no leader answers');
    };
    await expect(group.replace({ timeoutMs: 100 })).rejects.toThrow(/before the first step \(no leader answ/);
  });

  it('reports at which step its signal ended it', async () => {
    const group = new FakeGroup();
    const abort = new AbortController();
    group.before = (call) => {
      if (call === 'promote') abort.abort();
    };
    const error: unknown = await group.replace({ signal: abort.signal }).catch((reason: unknown) => reason);
    expect(isDrakkarError(error) && [error.code, error.details]).toEqual([
      'ERR_CANCELED',
      { step: 'promote' },
    ]);
  });

  it.each([
    ['observe', (group: FakeGroup): unknown => group.observers.push(4), new ErrRejected()],
    [
      'promote',
      (group: FakeGroup): unknown => ((group.observers = []), group.nodes.push(4)),
      new ErrRejected(),
    ],
    [
      'remove',
      (group: FakeGroup): unknown => ((group.nodes = [2, 3, 4]), group.removed.push(1)),
      new ErrNotAMember(),
    ],
  ])('goes on when another call was faster to %s', async (step, make, error) => {
    const group = new FakeGroup();
    group.before = (call) => {
      if (call !== step) return;
      make(group);
      throw error;
    };
    await group.replace();
    expect([group.nodes, group.observers, group.removed]).toEqual([[2, 3, 4], [], [1]]);
  });

  it('fails when a change does not fit the membership, after one more look', async () => {
    const group = new FakeGroup();
    const error = new ErrRejected('the address is that of node 2', { effect: 'none' });
    group.before = (call) => {
      if (call === 'observe') throw error;
    };
    await expect(group.replace()).rejects.toBe(error);
    expect(group.calls).toEqual(['look', 'observe', 'look']);
  });

  it('leaves open what has changed when it fails after a step that was made', async () => {
    const group = new FakeGroup();
    group.before = (call) => {
      if (call === 'promote') throw new ErrClusterClosed();
    };
    await expect(group.replace()).rejects.toMatchObject({
      code: 'ERR_CLUSTER_CLOSED',
      effect: 'unknown',
      retry: 'elsewhere',
    });
    expect(group.observers).toEqual([4]);
  });

  it('fails at once when the replica here is stopped', async () => {
    const group = new FakeGroup();
    const error = new ErrClusterClosed();
    group.before = () => {
      throw error;
    };
    await expect(group.replace()).rejects.toBe(error);
  });

  it('removes a leader that does not hand over; that a transfer is under way is no attempt', async () => {
    const group = new FakeGroup();
    let pending = 8;
    group.requestLeaderTransfer = () => {
      group.calls.push('transfer');
      if (pending-- > 0) throw new ErrPendingLeaderTransferExist();
    };
    await group.replace();
    expect(group.changes.filter((call) => call === 'transfer').length).toBe(8 + 5);
    expect(group.removed).toEqual([1]);
  });

  it('hands on what onProgress throws', async () => {
    const group = new FakeGroup();
    const error = new ErrTimeout('of the caller');
    const onProgress = (): void => {
      throw error;
    };
    await expect(group.replace({ onProgress })).rejects.toBe(error);
    expect(group.changes).toEqual([]);
  });
});

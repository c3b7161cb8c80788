import { describe, expect, it } from '@jest/globals';
import { makeEntry } from '@drakkar/raftio';
import { SeededRandom } from '../runtime/random.js';
import { KEY_NONCE_BOUND, PendingProposals } from './pending-proposals.js';
import type { RequestFields, RequestState } from './request-state.js';

const CLUSTER = 7;

const proposal = (clientID: number, seriesID: number, deadlineMs: number): RequestFields => ({
  operation: 'proposal',
  clientID,
  seriesID,
  deadlineMs,
});

function entryOf(request: RequestState): ReturnType<typeof makeEntry> {
  return makeEntry({ key: request.key, clientID: request.clientID, seriesID: request.seriesID });
}

describe('PendingProposals', () => {
  it('completes a proposal with the value of its entry', async () => {
    const proposals = new PendingProposals(CLUSTER, 5);
    const request = proposals.add(proposal(11, 3, 10));
    proposals.applied(entryOf(request), 42, false);
    const result = await request.result;
    expect(result.outcome).toBe('completed');
    expect(result.value).toBe(42);
    expect(proposals.size).toBe(0);
  });

  it('distinguishes rejected from completed', async () => {
    const proposals = new PendingProposals(CLUSTER, 5);
    const request = proposals.add(proposal(11, 3, 10));
    proposals.applied(entryOf(request), 0, true);
    expect((await request.result).rejected()).toBe(true);
  });

  it.each([
    ['another replica or life', { key: 4 * 0x1_0000_0000 + 1 }],
    ['another client', { clientID: 12 }],
    ['another series', { seriesID: 4 }],
    ['a key above the safe integers', { key: 0xffff_ffff_ffff_ffffn }],
    ['a counter that is not pending', { key: 5 * 0x1_0000_0000 + 2 }],
  ])('does not complete a proposal by the entry of %s', (_name, change) => {
    const proposals = new PendingProposals(CLUSTER, 5);
    const request = proposals.add(proposal(11, 3, 10));
    proposals.applied(makeEntry({ ...entryOf(request), ...change }), 1, false);
    expect(request.outcome).toBeUndefined();
    expect(proposals.size).toBe(1);
  });

  it('ends overdue proposals with a time-out, and no others', () => {
    const proposals = new PendingProposals(CLUSTER, 0);
    const early = proposals.add(proposal(1, 0, 5));
    const late = proposals.add(proposal(1, 0, 9));
    const last = proposals.add(proposal(1, 0, 200));
    proposals.expire(4);
    expect(early.outcome).toBeUndefined();
    proposals.expire(5);
    expect(early.outcome).toBe('timeout');
    expect(late.outcome).toBeUndefined();
    proposals.expire(9);
    expect([late.outcome, last.outcome]).toEqual(['timeout', undefined]);
  });

  it('ends in time what is proposed again when others time out', () => {
    const proposals = new PendingProposals(CLUSTER, 0);
    const again: RequestState[] = [];
    proposals.add(proposal(1, 0, 5)).onResult(() => again.push(proposals.add(proposal(1, 0, 8))));
    proposals.expire(5);
    expect([again[0]?.outcome, proposals.size]).toEqual([undefined, 1]);
    proposals.expire(8);
    expect([again[0]?.outcome, proposals.size]).toEqual(['timeout', 0]);
  });

  it('lets a listener of one that timed out stop the replica', () => {
    const proposals = new PendingProposals(CLUSTER, 0);
    proposals.add(proposal(1, 0, 5)).onResult(() => {
      proposals.terminate();
    });
    const other = proposals.add(proposal(1, 0, 5));
    proposals.expire(5);
    expect([other.outcome, proposals.size]).toEqual(['terminated', 0]);
  });

  it('does not end a proposal twice', () => {
    const proposals = new PendingProposals(CLUSTER, 0);
    const request = proposals.add(proposal(1, 0, 5));
    const seen: string[] = [];
    request.onResult((result) => seen.push(result.outcome));
    proposals.expire(5);
    proposals.applied(entryOf(request), 1, false);
    proposals.terminate();
    expect(seen).toEqual(['timeout']);
  });

  it('ends everything when the replica stops, and holds nothing any more', () => {
    const proposals = new PendingProposals(CLUSTER, 0);
    const first = proposals.add(proposal(1, 0, 5));
    const second = proposals.add(proposal(1, 0, 5));
    proposals.dropped(entryOf(first));
    proposals.terminate();
    expect(first.outcome).toBe('dropped');
    expect(second.outcome).toBe('terminated');
    expect(proposals.size).toBe(0);
  });

  it('ends what the leader has no room for, and reports it', () => {
    const proposals = new PendingProposals(CLUSTER, 0);
    const state = proposals.add(proposal(1, 0, 5));
    proposals.withoutRoom(entryOf(state));
    expect([state.outcome, proposals.size]).toEqual(['dropped', 0]);
  });

  it('gives every proposal a key of its own', () => {
    const proposals = new PendingProposals(CLUSTER, 0x1f_ffff);
    const keys = new Set(Array.from({ length: 1000 }, () => proposals.add(proposal(1, 0, 5)).key));
    expect(keys.size).toBe(1000);
    for (const key of keys) expect(Number.isSafeInteger(key)).toBe(true);
  });

  it.each([1])('agrees with a plain map, whatever comes and goes (seed %i)', (seed) => {
    const random = new SeededRandom(seed);
    const nonce = KEY_NONCE_BOUND - 1;
    const proposals = new PendingProposals(CLUSTER, nonce);
    const map = new Map<RequestState, string>();
    const expected: [RequestState, string][] = [];
    const ends = (request: RequestState, outcome: string): void => {
      map.delete(request);
      expected.push([request, outcome]);
    };
    let nowMs = 0;
    for (let step = 0; step < 2_500; step++) {
      const what = random.nextInt(100);
      const waiting = [...map.keys()];
      const request = waiting[random.nextInt(waiting.length || 1)];
      if (what < (step % 1_000 < 600 ? 60 : 25) || request === undefined) {
        // Clients and series collide; some deadlines have passed before, and most end all at once.
        const deadlineMs =
          random.nextInt(3) === 0 ? nowMs - 1 + random.nextInt(60) : 1_000 * Math.ceil((nowMs + 1) / 1_000);
        map.set(proposals.add(proposal(random.nextInt(3), random.nextInt(3), deadlineMs)), '');
      } else if (what < 80) {
        const entry = entryOf(request);
        const other = random.nextInt(5);
        if (other === 0) entry.key = request.key - 0x1_0000_0000;
        else if (other === 1) entry.clientID = 2 ** 53 - 1;
        else if (other === 2) entry.seriesID = 2n ** 64n - 1n;
        const end = random.nextInt(4);
        if (end === 0) proposals.dropped(entry);
        else if (end === 1) proposals.withoutRoom(entry);
        else proposals.applied(entry, step, end === 2);
        if (other > 2) ends(request, ['dropped', 'dropped', 'rejected', 'completed'][end] as string);
      } else if (what < 99) {
        nowMs += random.nextInt(20);
        proposals.expire(nowMs);
        for (const each of waiting) if (each.deadlineMs <= nowMs) ends(each, 'timeout');
      } else if (random.nextInt(10) === 0) {
        proposals.terminate();
        for (const each of waiting) ends(each, 'terminated');
      }
      expect(proposals.size).toBe(map.size);
    }
    expect(expected.map(([request]) => request.outcome)).toEqual(expected.map(([, outcome]) => outcome));
    expect([...map.keys()].map(({ outcome }) => outcome)).toEqual([...map.keys()].map(() => undefined));
    expect(new Set(expected.map(([request]) => request.key)).size).toBe(expected.length);
    expect(expected.every(([{ key }]) => Number.isSafeInteger(key) && key >= nonce * 0x1_0000_0000)).toBe(
      true,
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { Feature, MessageType, makeMessage } from '@drakkar/raftio';
import { Solo, emptyInit, ofType } from './testing/solo.js';

const TIMEOUT = 10;

const refusalsOf = (solo: Solo): number[] =>
  ofType(solo.drain().messages, MessageType.ReadIndexResp).map(({ to, reject, hint }) => {
    expect(reject).toBe(true);
    return to * 1000 + Number(hint);
  });

describe('reads of a leader that nobody confirms', () => {
  it('are given up in time without check quorum, and answered where they were made', () => {
    const solo = new Solo({ featuresOf: (nodeID) => (nodeID === 2 ? Feature.RefusedReads : 0) });
    solo.lead();
    solo.raft.readIndex({ low: 1, high: 1 });
    solo.drain();
    solo.raft.readIndex({ low: 2, high: 1 });
    for (const from of [2, 3]) solo.step(from, MessageType.ReadIndex, { term: 0, hint: 7, hintHigh: 9 });
    solo.tick(2 * TIMEOUT - 1);
    expect(solo.drain().updates.flatMap(({ droppedReads }) => droppedReads)).toEqual([]);
    solo.tick();
    const { updates, messages } = solo.drain();
    expect(updates.flatMap(({ droppedReads }) => droppedReads.map(({ low }) => low))).toEqual([1, 2]);
    const answers = ofType(messages, MessageType.ReadIndexResp);
    // Replica 3 has not announced that it knows a refusal: it would take it for a confirmation.
    expect(answers.map(({ to, reject, hint }) => [to, reject, hint])).toEqual([[2, true, 7]]);
  });

  it('are confirmed by later rounds, when the members are back', () => {
    const solo = new Solo();
    solo.lead();
    solo.raft.readIndex({ low: 1, high: 1 });
    solo.tick(2 * TIMEOUT);
    solo.drain();
    solo.raft.readIndex({ low: 2, high: 1 });
    const heartbeat = ofType(solo.drain().messages, MessageType.Heartbeat)[0];
    solo.step(2, MessageType.HeartbeatResp, { hint: heartbeat!.hint, hintHigh: heartbeat!.hintHigh });
    expect(solo.drain().updates.flatMap(({ readyReads }) => readyReads)).toHaveLength(1);
  });

  it('are bounded in number', () => {
    const solo = new Solo({ featuresOf: () => Feature.RefusedReads });
    solo.lead();
    for (let low = 1; low <= 10_000; low++) solo.raft.readIndex({ low, high: 1 });
    solo.step(3, MessageType.ReadIndex, { term: 0, hint: 7, hintHigh: 9 });
    solo.raft.readIndex({ low: 10_001, high: 1 });
    const { updates, messages } = solo.drain();
    expect(updates.flatMap(({ droppedReads }) => droppedReads)).toEqual([{ low: 10_001, high: 1 }]);
    expect(ofType(messages, MessageType.ReadIndexResp).map(({ to }) => to)).toEqual([3]);
  });

  it('are refused when it steps down', () => {
    const solo = new Solo({ featuresOf: () => Feature.RefusedReads });
    solo.lead();
    solo.step(3, MessageType.ReadIndex, { term: 0, hint: 7, hintHigh: 9 });
    solo.step(2, MessageType.Heartbeat, { term: 5 });
    expect(refusalsOf(solo)).toEqual([3007]);
  });
});

describe('a read that was forwarded', () => {
  const followerOf = (leaderID: number): Solo => {
    const solo = new Solo();
    solo.step(leaderID, MessageType.Heartbeat, { term: 1 });
    solo.raft.readIndex({ low: 1, high: 9 });
    return solo;
  };

  it('waits until its leader has committed in its term', () => {
    const solo = new Solo();
    solo.elect(2);
    solo.step(3, MessageType.ReadIndex, { term: 0, hint: 7, hintHigh: 9 });
    expect(ofType(solo.drain().messages, MessageType.ReadIndexResp)).toEqual([]);
    solo.ack(2);
    const heartbeat = ofType(solo.drain().messages, MessageType.Heartbeat)[0];
    solo.step(2, MessageType.HeartbeatResp, { hint: heartbeat!.hint, hintHigh: heartbeat!.hintHigh });
    const answers = ofType(solo.drain().messages, MessageType.ReadIndexResp);
    expect(answers.map(({ to, reject, hint, logIndex }) => [to, reject, hint, logIndex])).toEqual([
      [3, false, 7, 1],
    ]);
  });

  it('is dropped at once when it is refused', () => {
    const solo = followerOf(2);
    solo.drain();
    solo.step(2, MessageType.ReadIndexResp, { reject: true, hint: 1, hintHigh: 9 });
    const updates = solo.drain().updates;
    expect(updates.flatMap(({ droppedReads }) => droppedReads)).toEqual([{ low: 1, high: 9 }]);
    expect(updates.flatMap(({ readyReads }) => readyReads)).toEqual([]);
  });

  it.each([
    ['one that does not announce what it knows, as Dragonboat', 0, [1, 2]],
    ['one that does', Feature.Announces, [2]],
  ])('is answered with a later one by %s, or not', (_who, features, answered) => {
    const solo = new Solo({ featuresOf: () => features });
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    for (const low of [1, 2, 3]) solo.raft.readIndex({ low, high: 9 });
    solo.drain();
    solo.step(2, MessageType.ReadIndexResp, { logIndex: 0, hint: 2, hintHigh: 9 });
    const ready = solo.drain().updates.flatMap(({ readyReads }) => readyReads);
    expect(ready.map(({ context }) => context.low)).toEqual(answered);
  });

  it('is dropped when a replica refuses it that does not lead any more', () => {
    const solo = followerOf(2);
    solo.drain();
    expect(
      solo.raft.step(
        makeMessage({
          type: MessageType.ReadIndexResp,
          ...{ from: 3, to: 1, clusterID: 1, term: 1, reject: true, hint: 1, hintHigh: 9 },
        }),
      ),
    ).toBeUndefined();
    expect(solo.drain().updates.flatMap(({ droppedReads }) => droppedReads)).toHaveLength(1);
  });

  it('is asked for again while no answer comes, and given up after two election timeouts', () => {
    const solo = followerOf(2);
    const asked: number[] = [];
    let dropped = 0;
    for (let ticks = 0; dropped === 0; ticks++) {
      const { messages, updates } = solo.drain();
      if (ofType(messages, MessageType.ReadIndex).length > 0) asked.push(ticks);
      if (updates.some(({ droppedReads }) => droppedReads.length > 0)) dropped = ticks;
      solo.tick();
      solo.step(2, MessageType.Heartbeat);
    }
    expect([asked, dropped]).toEqual([[0, 5, 10, 15], 20]);
  });
});

describe('a leader that hears of no quorum', () => {
  /** Ticks until it steps down, or `limit`; it goes on hearing of `heard`. */
  function ticksInOffice(checkQuorum: boolean, heard: number[], limit = 200): number {
    const solo = new Solo({ checkQuorum, preVote: true }, emptyInit([1, 2, 3, 4]));
    while (solo.raft.term === 0) {
      solo.tick();
      solo.drain();
      for (const nodeID of [2, 3]) solo.step(nodeID, MessageType.RequestPreVoteResp, { term: 1 });
    }
    solo.drain();
    for (const nodeID of [2, 3]) solo.step(nodeID, MessageType.RequestVoteResp);
    expect(solo.raft.isLeader).toBe(true);
    solo.drain();
    for (const nodeID of heard) solo.ack(nodeID);
    for (let ticks = 0; ticks < limit; ticks++) {
      if (!solo.raft.isLeader) return ticks;
      solo.tick();
      for (const nodeID of heard) solo.step(nodeID, MessageType.HeartbeatResp);
      solo.drain();
    }
    return limit;
  }

  it('steps down after an election timeout with check quorum', () => {
    expect(ticksInOffice(true, [2])).toBe(TIMEOUT);
    expect(ticksInOffice(true, [2, 3])).toBe(200);
  });

  it('steps down without check quorum too, a few election timeouts later: those that hear it elect nobody', () => {
    expect(ticksInOffice(false, [2])).toBe(4 * TIMEOUT);
    expect(ticksInOffice(false, [2, 3])).toBe(200);
  });
});

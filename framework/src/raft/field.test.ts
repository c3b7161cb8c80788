import { describe, expect, it } from '@jest/globals';
import { ConfigChangeType, EntryType, MessageType, makeEntry } from '@drakkar/raftio';
import { command, configChange } from './testing/codec.js';
import { Solo, emptyInit, initWithTerms, membershipOf, ofType } from './testing/solo.js';

/*
 * Mistakes that Raft libraries have shipped, one test each, as far as they are the core's to avoid.
 */

describe('defects known of Dragonboat', () => {
  it('1: the promotion of another observer, seen in a snapshot, does not touch our role', () => {
    const solo = new Solo({ isObserver: true, nodeID: 4 }, emptyInit([1, 2, 3], [4, 5]));
    const snapshot = { filepath: '', fileSize: 0, index: 9, term: 1, files: [] };
    const promotesOther = { ...snapshot, membership: membershipOf([1, 2, 3, 5], [4]) };
    solo.step(1, MessageType.InstallSnapshot, { term: 1, snapshot: promotesOther });
    solo.drain();
    expect(solo.raft.status().role).toBe('observer');
    const promotesUs = { ...snapshot, index: 12, membership: membershipOf([1, 2, 3, 4], [5]) };
    solo.step(1, MessageType.InstallSnapshot, { term: 1, snapshot: promotesUs });
    solo.drain();
    expect(solo.raft.status().role).toBe('follower');
  });

  it('2: a leadership transfer that a follower passes on carries term 0', () => {
    const solo = new Solo();
    solo.step(2, MessageType.Heartbeat, { term: 5 });
    solo.raft.requestLeaderTransfer(3);
    const [message] = ofType(solo.drain().messages, MessageType.LeaderTransfer);
    expect(message).toMatchObject({ to: 2, term: 0, hint: 3 });
  });

  it('3: a ReadIndex from a replica that is not a member is dropped', () => {
    const solo = new Solo();
    solo.lead();
    solo.step(9, MessageType.ReadIndex, { term: 0, hint: 1, hintHigh: 1 });
    const { messages } = solo.drain();
    expect(ofType(messages, MessageType.Heartbeat)).toEqual([]);
    solo.step(3, MessageType.ReadIndex, { term: 0, hint: 1, hintHigh: 1 });
    expect(ofType(solo.drain().messages, MessageType.Heartbeat)).toHaveLength(2);
  });

  it('4: a late or repeated response never lets a later read go', () => {
    const solo = new Solo();
    solo.lead();
    const read = (low: number): number[] => {
      solo.raft.readIndex({ low, high: 1 });
      return [low];
    };
    read(1);
    const [first] = ofType(solo.drain().messages, MessageType.Heartbeat);
    const response = { hint: first?.hint ?? 0, hintHigh: first?.hintHigh ?? 0 };
    expect(response.hintHigh).not.toBe(0);
    solo.step(2, MessageType.HeartbeatResp, response);
    expect(solo.drain().updates.flatMap(({ readyReads }) => readyReads)).toHaveLength(1);
    read(2);
    const [second] = ofType(solo.drain().messages, MessageType.Heartbeat);
    expect(second?.hint).not.toBe(response.hint);
    solo.step(2, MessageType.HeartbeatResp, response);
    solo.step(3, MessageType.HeartbeatResp, response);
    solo.step(3, MessageType.HeartbeatResp, { hint: second?.hint ?? 0, hintHigh: 77_777 });
    expect(solo.drain().updates.flatMap(({ readyReads }) => readyReads)).toEqual([]);
  });

  it('4: one replica that answers twice is not a quorum, nor is an observer', () => {
    const solo = new Solo({}, emptyInit([1, 2, 3, 4, 5], [6]));
    solo.elect(2, 3);
    solo.ack(2);
    solo.ack(3);
    solo.drain();
    solo.raft.readIndex({ low: 1, high: 1 });
    const [heartbeat] = ofType(solo.drain().messages, MessageType.Heartbeat);
    const response = { hint: heartbeat?.hint ?? 0, hintHigh: heartbeat?.hintHigh ?? 0 };
    solo.step(2, MessageType.HeartbeatResp, response);
    solo.step(2, MessageType.HeartbeatResp, response);
    solo.step(6, MessageType.HeartbeatResp, response);
    expect(solo.drain().updates.flatMap(({ readyReads }) => readyReads)).toEqual([]);
    solo.step(4, MessageType.HeartbeatResp, response);
    expect(solo.drain().updates.flatMap(({ readyReads }) => readyReads)).toHaveLength(1);
  });

  it('5: the in-memory log is bounded: above the cap proposals are dropped, and taken again later', () => {
    const solo = new Solo({ maxInMemLogBytes: 2000 });
    solo.lead();
    for (let i = 0; i < 40; i++) solo.raft.propose([command(`p${i}`)]);
    expect(solo.raft.isBusy).toBe(true);
    const { updates } = solo.drain();
    const dropped = updates.flatMap(({ proposalsWithoutRoom }) => proposalsWithoutRoom);
    expect(dropped.length).toBeGreaterThan(20);
    expect(solo.raft.status().inMemBytes).toBeLessThan(2500);
    solo.ack(2);
    solo.drain();
    expect(solo.raft.isBusy).toBe(false);
    solo.raft.propose([command('again')]);
    expect(solo.drain().updates.flatMap(({ proposalsWithoutRoom }) => proposalsWithoutRoom)).toEqual([]);
  });

  it('5: a follower that can not apply fast enough takes no more, but always what a new leader needs', () => {
    const solo = new Solo({ maxInMemLogBytes: 1000 });
    const replicate = (index: number, commit: number): void => {
      const entries = [makeEntry({ term: 1, index })];
      solo.step(2, MessageType.Replicate, {
        term: 1,
        logIndex: index - 1,
        logTerm: index > 1 ? 1 : 0,
        entries,
        commit,
      });
    };
    for (let index = 1; index <= 12; index++) replicate(index, 0);
    expect(solo.raft.status().lastIndex).toBe(12);
    replicate(13, 13);
    expect(solo.raft.status().lastIndex).toBe(13);
    replicate(14, 13);
    expect(solo.raft.status().lastIndex).toBe(13);
    solo.drain();
    replicate(14, 13);
    expect(solo.raft.status().lastIndex).toBe(14);
  });

  it('6: with pre-vote, a replica that was cut off can not unseat a leader', () => {
    const solo = new Solo({ preVote: true });
    solo.step(2, MessageType.Heartbeat, { term: 3 });
    solo.step(3, MessageType.RequestPreVote, { term: 4, logIndex: 100, logTerm: 3 });
    const [refused] = ofType(solo.drain().messages, MessageType.RequestPreVoteResp);
    expect(refused).toMatchObject({ reject: true, term: 3 });
    expect(solo.raft.term).toBe(3);
    solo.tick(10);
    solo.drain();
    solo.step(3, MessageType.RequestPreVote, { term: 4, logIndex: 100, logTerm: 3 });
    const [granted] = ofType(solo.drain().messages, MessageType.RequestPreVoteResp);
    expect(granted).toMatchObject({ reject: false, term: 4 });
    expect(solo.raft.term).toBe(3);
  });
});

describe('bug classes of other libraries', () => {
  it('an entry of an old term is not committed by counting (paper, figure 8)', () => {
    const entries = [1, 2].map((term, i) => makeEntry({ term, index: i + 1 }));
    const solo = new Solo({}, initWithTerms(entries, { term: 3, vote: 0, commit: 0 }));
    solo.elect(2);
    expect(solo.raft.isLeader).toBe(true);
    solo.ack(2, 2);
    solo.ack(3, 2);
    solo.drain();
    expect(solo.raft.status().commit).toBe(0);
    solo.ack(2, 3);
    expect(solo.raft.status().commit).toBe(3);
  });

  it('nothing is promised before it is durable: votes and acknowledgements follow the save', () => {
    const solo = new Solo();
    solo.step(2, MessageType.RequestVote, { term: 1 });
    const vote = solo.raft.getUpdate();
    expect(vote.state).toEqual({ term: 1, vote: 2, commit: 0 });
    expect(vote.messages).toEqual([]);
    expect(ofType(vote.messagesAfterSave, MessageType.RequestVoteResp)).toHaveLength(1);
    solo.step(2, MessageType.Replicate, { term: 1, entries: [makeEntry({ term: 1, index: 1 })] });
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    const append = solo.raft.getUpdate();
    expect(append.messages).toEqual([]);
    expect(append.messagesAfterSave.map(({ type }) => type)).toEqual([
      MessageType.ReplicateResp,
      MessageType.HeartbeatResp,
    ]);
  });

  it('one vote in a term, also after a restart', () => {
    const solo = new Solo({}, { ...emptyInit(), state: { term: 4, vote: 2, commit: 0 } });
    solo.step(3, MessageType.RequestVote, { term: 4 });
    solo.step(2, MessageType.RequestVote, { term: 4 });
    const answers = ofType(solo.drain().messages, MessageType.RequestVoteResp);
    expect(answers.map(({ to, reject }) => [to, reject])).toEqual([
      [3, true],
      [2, false],
    ]);
  });

  it('a candidate does not lead by votes of others while its own is not durable', () => {
    const solo = new Solo();
    while (solo.raft.term === 0) solo.tick();
    const update = solo.raft.getUpdate();
    solo.step(2, MessageType.RequestVoteResp);
    solo.step(3, MessageType.RequestVoteResp);
    expect(solo.raft.isLeader).toBe(false);
    solo.raft.saved(update);
    expect(solo.raft.isLeader).toBe(true);
  });

  it('keeps a read until an entry of the own term is committed, also in a group of one', () => {
    const solo = new Solo({}, emptyInit([1]));
    while (solo.raft.term === 0) solo.tick();
    solo.raft.saved(solo.raft.getUpdate());
    expect(solo.raft.isLeader).toBe(true);
    solo.raft.readIndex({ low: 1, high: 1 });
    const update = solo.raft.getUpdate();
    expect([update.readyReads, update.droppedReads]).toEqual([[], []]);
    solo.raft.saved(update);
    expect(solo.raft.getUpdate().readyReads).toEqual([{ context: { low: 1, high: 1 }, index: 1 }]);
  });

  it('no config change before the leader has committed in its term, and one at a time', () => {
    const solo = new Solo();
    solo.elect(2);
    const change = (): number => {
      solo.raft.proposeConfigChange(configChange({ type: ConfigChangeType.AddNode, nodeID: 4 }));
      return solo.raft.getUpdate().rejectedConfigChanges.length;
    };
    expect(solo.raft.isLeader).toBe(true);
    solo.raft.proposeConfigChange(configChange({ type: ConfigChangeType.AddNode, nodeID: 4 }));
    expect(solo.drain().updates.flatMap((update) => update.rejectedConfigChanges)).toHaveLength(1);
    solo.ack(2);
    solo.drain();
    expect(change()).toBe(0);
    expect(change()).toBe(1);
  });

  it('a forwarded config change that is refused is answered by an empty entry with its key', () => {
    const solo = new Solo();
    solo.elect(2);
    for (const nodeID of [2, 3]) solo.ack(nodeID);
    solo.drain();
    const change = (key: number) => {
      const entry = configChange({ type: ConfigChangeType.AddNode, nodeID: 4 });
      return makeEntry({ type: entry.type, cmd: entry.cmd, key });
    };
    solo.step(3, MessageType.Propose, { term: 0, entries: [change(71), change(72), change(73)] });
    const { updates } = solo.drain();
    const saved = updates.flatMap(({ entriesToSave }) => entriesToSave);
    expect(saved.map(({ type, key, cmdLength }) => [type, key, cmdLength > 0])).toEqual([
      [EntryType.ConfigChangeEntry, 71, true],
      [EntryType.ApplicationEntry, 72, false],
      [EntryType.ApplicationEntry, 73, false],
    ]);
    expect(updates.flatMap(({ rejectedConfigChanges }) => rejectedConfigChanges)).toEqual([]);
  });

  it('a leader elected with a config change in its log takes no other before that one is applied', () => {
    const entries = [makeEntry({ term: 1, index: 1, type: EntryType.ConfigChangeEntry })];
    const solo = new Solo({}, initWithTerms(entries, { term: 1, vote: 0, commit: 0 }));
    solo.elect(2);
    solo.ack(2, 1);
    solo.raft.proposeConfigChange(configChange({ type: ConfigChangeType.AddNode, nodeID: 4 }));
    expect(solo.drain().updates.flatMap((update) => update.rejectedConfigChanges)).toHaveLength(1);
    solo.ack(2);
    solo.drain();
    solo.raft.proposeConfigChange(configChange({ type: ConfigChangeType.AddNode, nodeID: 4 }));
    expect(solo.drain().updates.flatMap((update) => update.rejectedConfigChanges)).toEqual([]);
  });

  it('a config change is handed out only under a durable commit index, and no campaign goes before it', () => {
    const entries = [makeEntry({ term: 1, index: 1, type: EntryType.ConfigChangeEntry })];
    const solo = new Solo({}, initWithTerms(entries, { term: 1, vote: 0, commit: 0 }));
    solo.step(2, MessageType.Replicate, { term: 1, logIndex: 1, logTerm: 1, commit: 1 });
    const first = solo.raft.getUpdate();
    expect(first.entriesToApply).toEqual([]);
    expect(first.state).toEqual({ term: 1, vote: 0, commit: 1 });
    solo.tick(30);
    expect(solo.raft.term).toBe(1);
    solo.raft.saved(first);
    const second = solo.raft.getUpdate();
    expect(second.entriesToApply).toHaveLength(1);
    solo.tick(30);
    expect(solo.raft.term).toBe(1);
    solo.raft.applyConfigChange(membershipOf([1, 2, 3]));
    solo.raft.applied(1);
    solo.tick(30);
    expect(solo.raft.term).toBeGreaterThan(1);
  });

  it('a follower commits no further than the message proves its log to match', () => {
    const entries = [1, 1, 1].map((term, i) => makeEntry({ term, index: i + 1 }));
    const solo = new Solo({}, initWithTerms(entries, { term: 1, vote: 0, commit: 0 }));
    solo.step(2, MessageType.Replicate, { term: 2, logIndex: 1, logTerm: 1, commit: 3 });
    expect(solo.raft.status().commit).toBe(1);
  });

  it('a campaign is ignored with check quorum, its term included, while the leader lives; unless it ordered it', () => {
    const solo = new Solo({ checkQuorum: true });
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    solo.drain();
    solo.step(3, MessageType.RequestVote, { term: 9 });
    expect([solo.raft.term, solo.raft.hasUpdate()]).toEqual([1, false]);
    solo.step(3, MessageType.RequestVote, { term: 9, hint: 3 });
    expect(ofType(solo.drain().messages, MessageType.RequestVoteResp)).toMatchObject([
      { to: 3, reject: false },
    ]);
  });

  it('acknowledgements of a term that ends in the same turn are withdrawn', () => {
    const solo = new Solo();
    const entry = (term: number): ReturnType<typeof makeEntry> => makeEntry({ term, index: 1 });
    solo.step(2, MessageType.Replicate, { term: 1, entries: [entry(1)] });
    solo.step(3, MessageType.Replicate, { term: 2, entries: [entry(2)] });
    const { messages } = solo.drain();
    expect(ofType(messages, MessageType.ReplicateResp).map(({ to }) => to)).toEqual([3]);
  });

  it('a leader whose save does not complete steps down, and stands again only when it has', () => {
    const solo = new Solo();
    solo.lead();
    solo.raft.propose([command('a')]);
    const stuck = solo.raft.getUpdate();
    solo.tick(9);
    expect(solo.raft.isLeader).toBe(true);
    solo.tick(1);
    expect(solo.raft.isLeader).toBe(false);
    solo.tick(60);
    expect(solo.raft.status().role).toBe('follower');
    expect(solo.raft.term).toBe(1);
    solo.raft.saved(stuck);
    solo.tick(20);
    expect(solo.raft.term).toBe(2);
  });

  it('a leader without an active quorum steps down (check quorum)', () => {
    const solo = new Solo({ checkQuorum: true });
    solo.lead();
    solo.tick(10);
    solo.step(2, MessageType.HeartbeatResp);
    solo.tick(10);
    expect(solo.raft.isLeader).toBe(true);
    solo.tick(10);
    expect(solo.raft.isLeader).toBe(false);
  });

  it('an answer from the stored log that is out of date is not sent on', () => {
    const old = [1, 1, 1, 1].map((term, i) => makeEntry({ term, index: i + 1 }));
    const init = initWithTerms(old, { term: 1, vote: 0, commit: 4 });
    const solo = new Solo({ maxInMemLogBytes: 300 }, { ...init, applied: 4, tail: old.slice(3) });
    solo.elect(2);
    solo.step(3, MessageType.ReplicateResp, { reject: true, logIndex: 4, hint: 0, hintHigh: 1 });
    const [request] = solo.drain().updates.flatMap(({ logReads }) => logReads);
    expect(request).toMatchObject({ nodeID: 3, low: 1 });
    if (request === undefined) throw new Error('no request');
    const foreign = [makeEntry({ term: 2, index: 1 })];
    solo.raft.stepLogRead(request, foreign);
    expect(ofType(solo.drain().messages, MessageType.Replicate)).toEqual([]);
    solo.raft.stepLogRead(request, old.slice(0, 3));
    const [sent] = ofType(solo.drain().messages, MessageType.Replicate);
    expect(sent).toMatchObject({ to: 3, logIndex: 0 });
    expect(sent?.entries).toHaveLength(3);
  });
});

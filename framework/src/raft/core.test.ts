import { describe, expect, it } from '@jest/globals';
import { ConfigChangeType, type Entry, MessageType, type Snapshot, makeEntry } from '@drakkar/raftio';
import { RaftInvariantError } from '../errors/index.js';
import { command, configChange } from './testing/codec.js';
import { Solo, emptyInit, initWithTerms, membershipOf, ofType } from './testing/solo.js';

function entries(first: number, ...terms: number[]): Entry[] {
  return terms.map((term, i) => makeEntry({ term, index: first + i }));
}

function snapshotAt(index: number, term: number): Snapshot {
  return { filepath: '', fileSize: 1, index, term, membership: membershipOf([1, 2, 3]), files: [] };
}

describe('saves under way', () => {
  it('several at a time: each update asks for what is new', () => {
    const solo = new Solo();
    solo.lead();
    solo.raft.propose([command('a')]);
    const first = solo.raft.getUpdate();
    solo.raft.propose([command('b'), command('c')]);
    const second = solo.raft.getUpdate();
    expect(first.entriesToSave.map(({ index }) => index)).toEqual([2]);
    expect(second.entriesToSave.map(({ index }) => index)).toEqual([3, 4]);
    solo.raft.saved(first);
    expect(solo.raft.status().stable).toBe(2);
    solo.raft.saved(second);
    expect(solo.raft.status().stable).toBe(4);
  });

  it('a leader counts its own log only as far as it is durable', () => {
    const solo = new Solo();
    solo.lead();
    solo.raft.propose([command('a')]);
    const update = solo.raft.getUpdate();
    expect(ofType(update.messages, MessageType.Replicate)).toHaveLength(2);
    solo.ack(2);
    expect(solo.raft.status().commit).toBe(1);
    solo.raft.saved(update);
    expect(solo.raft.status().commit).toBe(2);
  });

  it('a quorum without the leader commits, but the leader applies nothing that it could lose', () => {
    const solo = new Solo();
    solo.lead();
    solo.raft.propose([command('a')]);
    const update = solo.raft.getUpdate();
    solo.ack(2);
    solo.ack(3);
    expect(solo.raft.status().commit).toBe(2);
    expect(solo.raft.getUpdate().entriesToApply).toEqual([]);
    solo.raft.saved(update);
    expect(solo.raft.getUpdate().entriesToApply.map(({ index }) => index)).toEqual([2]);
  });

  it('a save of entries that were overwritten since makes nothing stable, even if the same come back', () => {
    const solo = new Solo();
    solo.step(2, MessageType.Replicate, { term: 1, entries: entries(1, 1, 1, 1) });
    const old = solo.raft.getUpdate();
    solo.step(3, MessageType.Replicate, { term: 2, logIndex: 1, logTerm: 1, entries: entries(2, 2) });
    const other = solo.raft.getUpdate();
    solo.step(2, MessageType.Replicate, { term: 3, logIndex: 1, logTerm: 1, entries: entries(2, 1, 1) });
    const again = solo.raft.getUpdate();
    solo.raft.saved(old);
    expect(solo.raft.status().stable).toBe(1);
    solo.raft.saved(other);
    expect(solo.raft.status().stable).toBe(1);
    solo.raft.saved(again);
    expect(solo.raft.status().stable).toBe(3);
  });

  it('a commit index alone is not worth a save, and rides with the next one', () => {
    const solo = new Solo();
    solo.step(2, MessageType.Replicate, { term: 1, entries: entries(1, 1) });
    solo.drain();
    solo.step(2, MessageType.Replicate, { term: 1, logIndex: 1, logTerm: 1, commit: 1 });
    const update = solo.raft.getUpdate();
    expect([update.mustSave, update.state]).toEqual([false, undefined]);
    expect(update.entriesToApply).toHaveLength(1);
    solo.raft.applied(1);
    solo.step(2, MessageType.Replicate, {
      term: 1,
      logIndex: 1,
      logTerm: 1,
      commit: 1,
      entries: entries(2, 1),
    });
    expect(solo.raft.getUpdate().state).toEqual({ term: 1, vote: 0, commit: 1 });
  });

  it('messages that carry a term wait until it is durable; those of a leader go at once', () => {
    const solo = new Solo();
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    const first = solo.raft.getUpdate();
    expect([first.messages.length, first.messagesAfterSave.length]).toEqual([0, 1]);
    solo.raft.saved(first);
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    const second = solo.raft.getUpdate();
    expect([second.messages.length, second.messagesAfterSave.length, second.mustSave]).toEqual([1, 0, false]);
  });

  it('has no update when there is nothing to do', () => {
    const solo = new Solo();
    expect(solo.raft.hasUpdate()).toBe(false);
    solo.lead();
    expect(solo.raft.hasUpdate()).toBe(false);
    solo.tick();
    expect(solo.raft.hasUpdate()).toBe(false);
    solo.tick();
    expect(solo.raft.hasUpdate()).toBe(true);
  });
});

describe('snapshots', () => {
  it('is ignored when it is older than the commit index', () => {
    const solo = new Solo({}, initWithTerms(entries(1, 1, 1), { term: 1, vote: 0, commit: 2 }));
    solo.drain();
    solo.step(2, MessageType.InstallSnapshot, { snapshot: snapshotAt(2, 1) });
    const { updates, messages } = solo.drain();
    expect(updates.map(({ snapshot }) => snapshot)).toEqual([undefined]);
    expect(ofType(messages, MessageType.ReplicateResp)[0]).toMatchObject({ logIndex: 2, reject: false });
  });

  it('only moves the commit index when the log has it all', () => {
    const solo = new Solo({}, initWithTerms(entries(1, 1, 1, 1), { term: 1, vote: 0, commit: 0 }));
    solo.step(2, MessageType.InstallSnapshot, { snapshot: snapshotAt(2, 1) });
    const { updates } = solo.drain();
    expect(updates.every(({ snapshot }) => snapshot === undefined)).toBe(true);
    expect(solo.raft.status()).toMatchObject({ commit: 2, lastIndex: 3, firstIndex: 1 });
  });

  it('replaces a log that conflicts with it; entries go on above it', () => {
    const solo = new Solo({}, initWithTerms(entries(1, 1, 1, 1, 1), { term: 1, vote: 0, commit: 1 }));
    solo.drain();
    const snapshot = snapshotAt(3, 2);
    solo.step(2, MessageType.InstallSnapshot, { term: 2, snapshot });
    solo.step(2, MessageType.Replicate, {
      term: 2,
      logIndex: 3,
      logTerm: 2,
      entries: entries(4, 2),
      commit: 4,
    });
    const update = solo.raft.getUpdate();
    expect(update).toMatchObject({ snapshot, mustSave: true, state: { term: 2, vote: 0, commit: 4 } });
    expect(update.entriesToSave.map(({ index, term }) => [index, term])).toEqual([[4, 2]]);
    expect(update.entriesToApply).toEqual([]);
    solo.raft.saved(update);
    expect(solo.raft.getUpdate().entriesToApply.map(({ index }) => index)).toEqual([4]);
    solo.raft.applied(3);
    solo.raft.applied(4);
  });

  it('a save from before it makes nothing stable that comes after it', () => {
    const solo = new Solo();
    solo.step(2, MessageType.Replicate, { term: 1, entries: entries(1, 1, 1, 1, 1, 1) });
    const before = solo.raft.getUpdate();
    solo.step(3, MessageType.InstallSnapshot, { term: 2, snapshot: snapshotAt(2, 2) });
    const replicated = { term: 2, logIndex: 2, logTerm: 2, entries: entries(3, 2, 2), commit: 4 };
    solo.step(3, MessageType.Replicate, replicated);
    const after = solo.raft.getUpdate();
    solo.raft.saved(before);
    expect(solo.raft.status()).toMatchObject({ stable: 2, commit: 4 });
    expect(solo.raft.getUpdate().entriesToApply).toEqual([]);
    solo.raft.saved(after);
    expect(solo.raft.getUpdate().entriesToApply.map(({ index }) => index)).toEqual([3, 4]);
  });

  it('a config change that it overtook changes the membership no more', () => {
    const change = configChange({ type: ConfigChangeType.RemoveNode, nodeID: 3 });
    change.place(1, 1);
    const solo = new Solo({}, initWithTerms([change], { term: 1, vote: 0, commit: 1 }));
    expect(solo.raft.getUpdate().entriesToApply).toEqual([change]);
    const snapshot = { ...snapshotAt(5, 2), membership: membershipOf([1, 2, 7]) };
    snapshot.membership.removed.set(3, true);
    solo.step(2, MessageType.InstallSnapshot, { term: 2, snapshot });
    const update = solo.raft.getUpdate();
    solo.raft.applyConfigChange(membershipOf([1, 2]));
    expect([...solo.raft.status().membership.addresses.keys()]).toEqual([1, 2, 7]);
    solo.raft.saved(update);
    solo.raft.applied(5);
    expect(solo.raft.status().applied).toBe(5);
  });

  it('waits for a sign of life before it streams, and for a heartbeat after a failure', () => {
    const init = initWithTerms(entries(1, 1, 1, 1), { term: 1, vote: 0, commit: 3 });
    const solo = new Solo({ maxInMemLogBytes: 256 }, { ...init, applied: 3, tail: init.tail.slice(2) });
    solo.raft.snapshotCreated(snapshotAt(3, 1));
    solo.raft.compacted(3);
    solo.elect(2);
    solo.ack(2);
    solo.drain();
    const installs = (): number => ofType(solo.drain().messages, MessageType.InstallSnapshot).length;
    const remote = () => solo.raft.status().remotes.get(3);
    const status = (): string | undefined => remote()?.status;
    solo.step(3, MessageType.ReplicateResp, { reject: true, logIndex: 3, hint: 0, hintHigh: 1 });
    expect([installs(), status()]).toEqual([1, 'snapshot']);
    solo.step(3, MessageType.HeartbeatResp);
    expect(installs()).toBe(0);
    solo.raft.reportSnapshotStatus({ nodeID: 3, streamID: 1, index: 3, failed: true });
    expect([installs(), status(), remote()?.next]).toEqual([0, 'probe', 1]);
    solo.step(3, MessageType.HeartbeatResp);
    expect([installs(), status()]).toEqual([0, 'probe']);
    solo.tick(2);
    solo.step(3, MessageType.HeartbeatResp);
    expect([installs(), status()]).toEqual([1, 'snapshot']);
    solo.raft.reportSnapshotStatus({ nodeID: 3, streamID: 2, index: 3, failed: false });
    expect([installs(), status(), remote()?.next]).toEqual([0, 'probe', 4]);
    solo.ack(3, 3);
    expect(status()).toBe('replicate');
    solo.drain();
    solo.ack(3);
    expect(solo.raft.status().remotes.get(3)).toMatchObject({ match: 4, next: 5 });
  });

  it('leave a remote waiting and visible, without a loop, where none helps', () => {
    const init = initWithTerms(entries(1, 1, 1, 1), { term: 1, vote: 0, commit: 3 });
    const solo = new Solo({ maxInMemLogBytes: 256 }, { ...init, applied: 3, tail: init.tail.slice(2) });
    solo.raft.compacted(2);
    solo.elect(2);
    solo.ack(2);
    solo.drain();
    solo.step(3, MessageType.ReplicateResp, { reject: true, logIndex: 3, hint: 0, hintHigh: 1 });
    expect(solo.drain().messages).toEqual([]);
    const { remotes, firstIndex } = solo.raft.status();
    expect(remotes.get(3)).toMatchObject({ status: 'probe', next: 1 });
    expect(firstIndex).toBe(3);
  });
});

describe('requests', () => {
  it('a follower gathers proposals and forwards them in one message', () => {
    const solo = new Solo();
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    solo.drain();
    solo.raft.propose([command('a')]);
    solo.raft.propose([command('b')]);
    const [message] = ofType(solo.drain().messages, MessageType.Propose);
    expect(message).toMatchObject({ to: 2, term: 0 });
    expect(message?.entries).toHaveLength(2);
  });

  it('are dropped at once without a leader', () => {
    const solo = new Solo();
    solo.raft.propose([command('a')]);
    solo.raft.readIndex({ low: 1, high: 2 });
    const update = solo.raft.getUpdate();
    expect(update.droppedProposals).toHaveLength(1);
    expect(update.droppedReads).toEqual([{ low: 1, high: 2 }]);
  });

  it('a forwarded read is answered by its own response only, once, and given up when the leader changes', () => {
    const solo = new Solo();
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    const huge = 2n ** 63n;
    solo.raft.readIndex({ low: huge, high: 1 });
    solo.raft.readIndex({ low: 6, high: 1 });
    const asked = ofType(solo.drain().messages, MessageType.ReadIndex);
    expect(asked.map(({ to, term, hint }) => [to, term, hint])).toEqual([
      [2, 0, huge],
      [2, 0, 6],
    ]);
    solo.step(2, MessageType.ReadIndexResp, { logIndex: 4, hint: huge, hintHigh: 2 });
    expect(solo.raft.hasUpdate()).toBe(false);
    solo.step(2, MessageType.ReadIndexResp, { logIndex: 4, hint: huge, hintHigh: 1 });
    solo.step(2, MessageType.ReadIndexResp, { logIndex: 4, hint: huge, hintHigh: 1 });
    expect(solo.raft.getUpdate().readyReads).toEqual([{ context: { low: huge, high: 1 }, index: 4 }]);
    solo.step(3, MessageType.Heartbeat, { term: 2 });
    expect(solo.raft.getUpdate().droppedReads).toEqual([{ low: 6, high: 1 }]);
  });

  it('a forwarded read whose answer is lost is given up in time', () => {
    const solo = new Solo({ isObserver: true, nodeID: 4 }, emptyInit([1, 2, 3], [4]));
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    solo.raft.readIndex({ low: 6, high: 1 });
    solo.drain();
    for (let i = 0; i < 20; i++) {
      expect(solo.drain().updates.flatMap(({ droppedReads }) => droppedReads)).toEqual([]);
      solo.tick();
      solo.step(2, MessageType.Heartbeat);
    }
    expect(solo.raft.getUpdate().droppedReads).toEqual([{ low: 6, high: 1 }]);
  });

  it('takes proposals from members only', () => {
    const solo = new Solo({}, emptyInit([1, 2, 3], [4]));
    solo.lead();
    for (const from of [2, 4, 9]) solo.step(from, MessageType.Propose, { term: 0, entries: [command('a')] });
    expect(solo.raft.status().lastIndex).toBe(3);
  });

  it('removes a member in the middle of a read round: those who are left suffice', () => {
    const solo = new Solo({}, emptyInit([1, 2, 3]));
    solo.lead();
    solo.raft.proposeConfigChange(configChange({ type: ConfigChangeType.RemoveNode, nodeID: 3 }));
    const first = solo.raft.getUpdate();
    solo.raft.saved(first);
    solo.ack(2);
    const forced = solo.raft.getUpdate();
    solo.raft.saved(forced);
    expect(solo.raft.getUpdate().entriesToApply).toHaveLength(1);
    solo.raft.readIndex({ low: 1, high: 1 });
    expect(solo.raft.getUpdate().readyReads).toEqual([]);
    solo.raft.applyConfigChange(membershipOf([1]));
    expect(solo.raft.getUpdate().readyReads).toEqual([{ context: { low: 1, high: 1 }, index: 2 }]);
  });

  it('a removed voting member never campaigns, and its messages are not listened to', () => {
    const removed = membershipOf([2, 3]);
    removed.removed.set(1, true);
    const solo = new Solo({}, { ...emptyInit(), membership: removed });
    solo.tick(100);
    expect(solo.raft.term).toBe(0);
    const other = new Solo({ nodeID: 2 }, { ...emptyInit(), membership: removed });
    other.step(1, MessageType.RequestVote, { term: 9 });
    expect([other.raft.term, other.raft.hasUpdate()]).toEqual([0, false]);
  });

  it('an observer that was promoted without knowing answers the candidate that does', () => {
    const solo = new Solo({ isObserver: true, nodeID: 2 }, emptyInit([1], [2]));
    solo.step(1, MessageType.RequestVote, { term: 1 });
    expect(ofType(solo.drain().messages, MessageType.RequestVoteResp)).toMatchObject([
      { to: 1, reject: false },
    ]);
    solo.tick(100);
    expect([solo.raft.status().role, solo.raft.term]).toEqual(['observer', 1]);
  });

  it('a leader of an earlier term learns of the later one, and so does a candidate', () => {
    const solo = new Solo({ isObserver: true, nodeID: 4 }, emptyInit([1, 2, 3], [4]));
    solo.step(2, MessageType.Heartbeat, { term: 7 });
    solo.drain();
    solo.step(1, MessageType.Heartbeat, { term: 5 });
    solo.step(1, MessageType.Replicate, { term: 5 });
    solo.step(1, MessageType.RequestVote, { term: 6 });
    solo.step(1, MessageType.RequestPreVote, { term: 6 });
    const answers = solo.drain().messages.map(({ type, to, term, reject }) => [type, to, term, reject]);
    expect(answers).toHaveLength(4);
    expect(answers).toEqual(
      expect.arrayContaining([
        [MessageType.NoOP, 1, 7, false],
        [MessageType.RequestVoteResp, 1, 7, true],
        [MessageType.RequestPreVoteResp, 1, 7, true],
      ]),
    );
    expect(solo.raft.leaderID).toBe(2);
  });

  it('a candidate learns from a refusal how far the log is committed', () => {
    const solo = new Solo({}, initWithTerms(entries(1, 1, 1, 1), { term: 1, vote: 0, commit: 1 }));
    solo.drain();
    while (solo.raft.term === 1) solo.tick();
    solo.drain();
    solo.step(2, MessageType.RequestVoteResp, { reject: true, commit: 3, logTerm: 2 });
    expect(solo.raft.status().commit).toBe(1);
    solo.step(3, MessageType.RequestVoteResp, { reject: true, commit: 2, logTerm: 1 });
    expect(solo.raft.status().commit).toBe(2);
  });

  it('begins again with a vote that it gets', () => {
    const solo = new Solo(
      { preVote: true },
      initWithTerms(entries(1, 1, 1, 1), { term: 1, vote: 0, commit: 1 }),
    );
    solo.drain();
    while (solo.raft.status().role !== 'preCandidate') solo.tick();
    solo.drain();
    solo.step(2, MessageType.RequestPreVoteResp, { term: 2, reject: false, commit: 3, logTerm: 1 });
    expect(solo.raft.status().commit).toBe(3);
  });
});

describe('quiesce', () => {
  function asleep(): Solo {
    const solo = new Solo({ quiesce: true });
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    for (let i = 0; i < 20; i++) {
      solo.tick();
      solo.step(2, MessageType.Heartbeat);
    }
    solo.drain();
    solo.step(2, MessageType.Quiesce);
    expect(solo.raft.isQuiesced).toBe(true);
    return solo;
  }

  it('only the leader puts a follower to sleep, and not one that has something open', () => {
    const solo = new Solo({ quiesce: true });
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    solo.drain();
    solo.step(2, MessageType.Quiesce);
    expect(solo.raft.isQuiesced).toBe(false);
    for (let i = 0; i < 20; i++) {
      solo.tick();
      solo.step(2, MessageType.Heartbeat);
    }
    solo.drain();
    solo.step(3, MessageType.Quiesce);
    solo.step(2, MessageType.Quiesce, { commit: 5 });
    expect(solo.raft.isQuiesced).toBe(false);
    solo.step(2, MessageType.Quiesce, { term: 0 });
    expect(solo.raft.isQuiesced).toBe(true);
  });

  it('nothing happens while asleep, however long', () => {
    const solo = asleep();
    solo.tick(1000);
    expect([solo.raft.isQuiesced, solo.raft.hasUpdate()]).toEqual([true, false]);
  });

  const causes: [string, (solo: Solo) => void][] = [
    ['a proposal', (solo) => solo.raft.propose([command('a')])],
    ['a read', (solo) => solo.raft.readIndex({ low: 1, high: 1 })],
    ['a heartbeat', (solo) => solo.step(2, MessageType.Heartbeat)],
    ['a request for a vote', (solo) => solo.step(3, MessageType.RequestPreVote, { term: 2 })],
    ['a transfer', (solo) => solo.raft.requestLeaderTransfer(1)],
  ];
  for (const [what, cause] of causes) {
    it(`${what} wakes it, and a dead leader is found out after an election timeout`, () => {
      const solo = asleep();
      cause(solo);
      expect(solo.raft.isQuiesced).toBe(false);
      solo.tick(9);
      expect(solo.raft.term).toBe(1);
      solo.tick(11);
      expect(solo.raft.term).toBe(2);
    });
  }

  it('a response to a heartbeat, or another Quiesce, wakes nobody', () => {
    const solo = asleep();
    solo.step(2, MessageType.HeartbeatResp);
    solo.step(2, MessageType.Quiesce);
    expect(solo.raft.isQuiesced).toBe(true);
  });
});

describe('invariants', () => {
  const cases: [string, RegExp, (solo: Solo) => void][] = [
    ['a save that was not asked for', /in order/, (solo) => solo.raft.saved(solo.raft.getUpdate())],
    ['applied before it was handed out', /applied index/, (solo) => solo.raft.applied(99)],
    ['a config change out of nowhere', /not handed out/, (solo) => solo.raft.rejectConfigChange()],
    ['a snapshot of the future', /not committed/, (solo) => solo.raft.snapshotCreated(snapshotAt(99, 1))],
    ['a log removed before it was applied', /removed before/, (solo) => solo.raft.compacted(99)],
  ];
  for (const [what, message, act] of cases) {
    it(`stops at ${what}`, () => {
      const solo = new Solo();
      solo.lead();
      const attempt = (): void => {
        act(solo);
      };
      expect(attempt).toThrow(RaftInvariantError);
      expect(attempt).toThrow(message);
    });
  }

  it('stops when saves are reported out of order', () => {
    const solo = new Solo();
    solo.lead();
    solo.raft.propose([command('a')]);
    solo.raft.getUpdate();
    solo.raft.propose([command('b')]);
    const second = solo.raft.getUpdate();
    expect(() => {
      solo.raft.saved(second);
    }).toThrow(/in order/);
  });

  it('ignores a message that claims to be from itself', () => {
    const solo = new Solo();
    const before = solo.raft.status();
    solo.step(1, MessageType.Heartbeat, { term: 9 });
    expect(solo.raft.status()).toEqual(before);
  });

  it('takes a snapshot that came in a stream, and learns no leader from it', () => {
    const solo = new Solo();
    solo.step(2, MessageType.InstallSnapshot, { term: 0, snapshot: snapshotAt(7, 3) });
    expect(solo.raft.status()).toMatchObject({ term: 3, leaderID: 0, lastIndex: 7, commit: 7 });
    const update = solo.raft.getUpdate();
    expect(update).toMatchObject({
      mustSave: true,
      snapshot: { index: 7, term: 3 },
      state: { term: 3, commit: 7 },
    });
    solo.step(2, MessageType.InstallSnapshot, { term: 0, snapshot: snapshotAt(6, 3) });
    expect(solo.raft.getUpdate().snapshot).toBeUndefined();
  });

  it('a Replicate from below the commit index changes nothing, and is answered', () => {
    const solo = new Solo({}, initWithTerms(entries(1, 1, 1), { term: 1, vote: 0, commit: 2 }));
    solo.step(2, MessageType.Replicate, { term: 2, logIndex: 0, entries: entries(1, 1) });
    expect(solo.raft.status()).toMatchObject({ lastIndex: 2, commit: 2 });
    const [answer] = ofType(solo.drain().messages, MessageType.ReplicateResp);
    expect(answer).toMatchObject({ logIndex: 2, reject: false });
  });

  it('ignores what is malformed, of another group, or for somebody else', () => {
    const solo = new Solo();
    const gap = [makeEntry({ term: 1, index: 1 }), makeEntry({ term: 1, index: 3 })];
    solo.step(2, MessageType.Replicate, { term: 1, entries: gap });
    solo.step(2, MessageType.Replicate, { term: 1, entries: entries(1, 2) });
    solo.step(2, MessageType.InstallSnapshot, { term: 1 });
    solo.step(2, MessageType.Unreachable, { term: 1 });
    expect(solo.raft.status().lastIndex).toBe(0);
    solo.drain();
    solo.raft.step({ ...heartbeat(), clusterID: 2 });
    solo.raft.step({ ...heartbeat(), to: 5 });
    expect(solo.raft.term).toBe(0);
  });
});

function heartbeat(): Parameters<Solo['raft']['step']>[0] {
  return {
    type: MessageType.Heartbeat,
    to: 1,
    from: 2,
    clusterID: 1,
    term: 8,
    logTerm: 0,
    logIndex: 0,
    commit: 0,
    reject: false,
    hint: 0,
    hintHigh: 0,
    entries: [],
    snapshot: undefined,
    groupID: 0,
    settings: 0,
  };
}

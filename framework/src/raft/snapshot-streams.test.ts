import { describe, expect, it } from '@jest/globals';
import { MessageType, type Snapshot } from '@drakkar/raftio';
import { expectGolden } from './testing/golden.js';
import { command } from './testing/codec.js';
import { Solo, initWithTerms, membershipOf, ofType } from './testing/solo.js';
import { Story } from './testing/story.js';

function snapshotAt(index: number): Snapshot {
  return { filepath: '', fileSize: 1, index, term: 1, membership: membershipOf([1, 2, 3]), files: [] };
}

const LAST = 6;

/** Leads with entries 1 to 6 and a snapshot at 3, before which the log is gone; replica 3 has nothing. */
class Leader {
  readonly solo: Solo;

  constructor() {
    const entries = Array.from({ length: LAST }, (_, i) => command(`e${i}`));
    for (const [i, entry] of entries.entries()) entry.place(1, i + 1);
    const init = initWithTerms(entries, { term: 1, vote: 0, commit: 5 });
    this.solo = new Solo({ maxInMemLogBytes: 256 }, { ...init, applied: 5, tail: entries.slice(4) });
    this.solo.raft.snapshotCreated(snapshotAt(3));
    this.solo.raft.compacted(3);
    this.elect();
  }

  elect(): void {
    this.solo.elect(2);
    this.solo.ack(2);
    this.solo.drain();
  }

  loseLeadership(): void {
    this.solo.step(2, MessageType.RequestVoteResp, { reject: true, term: this.solo.raft.term + 1 });
    expect(this.solo.raft.isLeader).toBe(false);
  }

  /** Replica 3 says that it has entries up to `last` and nothing of what was sent. */
  rejects(last: number): void {
    const { next = 0 } = this.remote ?? {};
    this.solo.step(3, MessageType.ReplicateResp, {
      reject: true,
      logIndex: next - 1,
      hint: last,
      hintHigh: last + 1,
      logTerm: 1,
    });
  }

  get remote() {
    return this.solo.raft.status().remotes.get(3);
  }

  /** Ids and indexes of the streams asked for since the last call. */
  streams(): [number, number][] {
    const { messages } = this.solo.drain();
    return ofType(messages, MessageType.InstallSnapshot).map(({ hint, snapshot }) => [
      Number(hint),
      snapshot?.index ?? 0,
    ]);
  }

  ends(streamID: number, index: number, failed: boolean): void {
    this.solo.raft.reportSnapshotStatus({ nodeID: 3, streamID, index, failed });
  }

  /** A heartbeat's time, and its response. */
  beat(): void {
    this.solo.tick(2);
    this.solo.step(3, MessageType.HeartbeatResp);
  }
}

describe('a snapshot stream', () => {
  it('goes on when its leader is unseated and elected again, and no second one begins', () => {
    const leader = new Leader();
    leader.rejects(0);
    expect(leader.streams()).toEqual([[1, 3]]);
    leader.loseLeadership();
    leader.elect();
    leader.solo.step(3, MessageType.HeartbeatResp);
    leader.rejects(0);
    expect(leader.streams()).toEqual([]);
    expect(leader.remote?.status).toBe('snapshot');
    for (let i = 0; i < 20; i++) leader.beat();
    expect(leader.streams()).toEqual([]);
    leader.ends(1, 3, false);
    expect(leader.remote).toMatchObject({ status: 'probe', next: 4 });
  });

  it('is booked on itself: a late report about one that was replaced says nothing about its successor', () => {
    const leader = new Leader();
    leader.rejects(0);
    expect(leader.streams()).toEqual([[1, 3]]);
    // It has all of it, and the sender does not know that yet.
    leader.solo.ack(3, 3);
    leader.solo.raft.snapshotCreated(snapshotAt(5));
    leader.solo.raft.compacted(5);
    leader.loseLeadership();
    leader.elect();
    leader.solo.step(3, MessageType.HeartbeatResp);
    leader.rejects(3);
    expect(leader.streams()).toEqual([[2, 5]]);
    leader.ends(1, 3, true);
    leader.beat();
    expect(leader.streams()).toEqual([]);
    expect(leader.remote?.status).toBe('snapshot');
    leader.ends(2, 3, true);
    leader.ends(1, 5, true);
    expect(leader.remote?.status).toBe('snapshot');
    leader.ends(2, 5, false);
    expect(leader.remote).toMatchObject({ status: 'probe', next: 6 });
  });

  it.each([
    ['fails', true],
    ['is sent whole and of no use', false],
  ])('is retried after a wait that doubles, up to a bound, when it %s', (_how, failed) => {
    const leader = new Leader();
    leader.rejects(0);
    const waits: number[] = [];
    for (let id = 1; id <= 9; id++) {
      expect(leader.streams()).toEqual([[id, 3]]);
      leader.ends(id, 3, failed);
      let ticks = 0;
      for (; leader.remote?.status !== 'snapshot' && ticks < 200; ticks += 2) {
        leader.beat();
        if (!failed && leader.remote?.status === 'probe') leader.rejects(0);
        leader.solo.raft.hasUpdate();
      }
      waits.push(ticks);
    }
    // Groups and nodes differ by a quarter.
    for (const [position, leastTicks] of [2, 4, 8, 16, 32, 40, 40, 40, 40].entries()) {
      expect(waits[position]).toBeGreaterThanOrEqual(leastTicks);
      expect(waits[position]).toBeLessThanOrEqual(leastTicks * 1.25 + 2);
    }
    leader.streams();
    leader.ends(10, 3, false);
    leader.solo.ack(3, 3);
    leader.loseLeadership();
    leader.elect();
    leader.solo.step(3, MessageType.HeartbeatResp);
    leader.rejects(0);
    expect(leader.streams()).toEqual([[11, 3]]);
  });

  it('is taken for what a Go peer says it has received, and stays under way until its own end', () => {
    const leader = new Leader();
    leader.rejects(0);
    expect(leader.streams()).toEqual([[1, 3]]);
    leader.solo.step(3, MessageType.SnapshotReceived, { term: 0, reject: true });
    leader.solo.step(3, MessageType.SnapshotReceived, { term: 0, logIndex: 2 });
    expect(leader.remote?.status).toBe('snapshot');
    leader.solo.step(3, MessageType.SnapshotReceived, { term: 0 });
    expect(leader.remote).toMatchObject({ status: 'probe', next: 4 });
    // It spoke of an earlier one: this one is still on its way.
    leader.beat();
    leader.rejects(0);
    expect(leader.streams()).toEqual([]);
    expect(leader.remote?.status).toBe('snapshot');
  });

  it('holds the log behind its snapshot until the replica has caught up, or is not heard any more', () => {
    const leader = new Leader();
    const { raft } = leader.solo;
    expect(raft.heldFrom).toBe(Infinity);
    leader.rejects(0);
    leader.streams();
    expect(raft.heldFrom).toBe(3);
    leader.loseLeadership();
    expect(raft.heldFrom).toBe(3);
    leader.elect();
    leader.solo.step(3, MessageType.HeartbeatResp);
    leader.rejects(0);
    leader.ends(1, 3, false);
    expect(raft.heldFrom).toBe(3);
    leader.solo.ack(3, 5);
    expect(raft.heldFrom).toBe(5);
    leader.solo.ack(3);
    expect(raft.heldFrom).toBe(Infinity);
    const failing = new Leader();
    failing.rejects(0);
    failing.streams();
    failing.ends(1, 3, true);
    expect(failing.solo.raft.heldFrom).toBe(Infinity);
    const silent = new Leader();
    silent.rejects(0);
    silent.streams();
    silent.solo.ack(3, 3);
    silent.ends(1, 3, false);
    expect(silent.solo.raft.heldFrom).toBe(3);
    silent.solo.tick(30);
    expect(silent.solo.raft.heldFrom).toBe(Infinity);
  });

  it('is written down', () => {
    const story = new Story({
      voters: 3,
      config: { maxInMemLogBytes: 300, checkQuorum: false, preVote: false },
    });
    story.timeout(1);
    story.isolate(3);
    story.propose(1, 'a', 'b', 'c');
    story.snapshot(1, 7);
    story.say('replica 3 needs what is gone; the stream takes long');
    story.hold(MessageType.InstallSnapshot);
    story.heal();
    story.tick(1, 2);
    story.say('meanwhile messages are lost, and replica 2 leads for a while');
    story.isolate(3);
    story.transfer(1, 2);
    story.transfer(2, 1);
    story.heal();
    story.tick(1, 4);
    story.show(1);
    expect(story.transcript.match(/InstallSnapshot/g)).toHaveLength(1);
    story.say('the data arrives, and is acknowledged before the sender knows that it has sent all of it');
    story.release();
    story.snapshotStatus(1, 3, false);
    story.tick(1, 2);
    story.show(1, 3);
    expect(story.replica(3).machine.hash).toBe(story.replica(1).machine.hash);
    expectGolden('snapshot-stream', story.transcript);
  });
});

describe('a lost message', () => {
  it('proves nothing about the connection of this term when it was of an earlier one', () => {
    const { solo } = new Leader();
    solo.ack(3);
    expect(solo.raft.status().remotes.get(3)?.status).toBe('replicate');
    solo.raft.reportUnreachable(3, solo.raft.term - 1);
    expect(solo.raft.status().remotes.get(3)?.status).toBe('replicate');
    solo.raft.reportUnreachable(3, solo.raft.term);
    expect(solo.raft.status().remotes.get(3)?.status).toBe('probe');
  });
});

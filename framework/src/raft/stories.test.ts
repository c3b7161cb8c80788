import { describe, expect, it } from '@jest/globals';
import { ConfigChangeType, MessageType } from '@drakkar/raftio';
import { expectGolden } from './testing/golden.js';
import { Story } from './testing/story.js';

/** Three voting members, replica 1 leading in term 2. */
function ledByOne(options: Partial<ConstructorParameters<typeof Story>[0]> = {}): Story {
  const story = new Story({ voters: 3, ...options });
  story.timeout(1);
  return story;
}

const { Heartbeat, Replicate, RequestVote } = MessageType;

describe('elections', () => {
  it('elects by pre-vote and vote, and commits an empty entry first (paper 5.2, thesis 9.6)', () => {
    const story = new Story({ voters: 3 });
    story.say('nobody leads; the first to lose patience asks around, then stands');
    story.timeout(1);
    story.show(1, 2, 3);
    expect(story.replica(1).core.isLeader).toBe(true);
    expect(story.replica(3).core.leaderID).toBe(1);
    story.say('heartbeats keep it so');
    story.tickAll(2);
    expectGolden('election', story.transcript);
  });

  it('lets a replica that was cut off come back without unseating the leader (thesis 9.6)', () => {
    const story = ledByOne();
    story.isolate(3);
    story.say('replica 3 asks again and again, and its term stays');
    story.tick(3, 40);
    expect(story.replica(3).core.term).toBe(2);
    story.propose(1, 'a');
    story.heal();
    story.say('back again, it asks once more and is refused');
    story.tick(3, 15);
    story.say('and follows');
    story.tickAll(4);
    story.show(1, 2, 3);
    expect(story.replica(1).core.isLeader).toBe(true);
    expect(story.replica(1).core.term).toBe(2);
    expect(story.replica(3).core.status().commit).toBe(story.replica(1).core.status().commit);
    expectGolden('prevote-partition', story.transcript);
  });

  it('lets a replica with a high term rejoin without pre-vote (check quorum)', () => {
    const story = ledByOne({ config: { preVote: false } });
    story.isolate(3);
    story.tick(3, 15);
    expect(story.replica(3).core.term).toBeGreaterThan(2);
    story.heal();
    story.say('its campaign is ignored while the leader lives, so it answers the leader with its own term');
    story.tickAll(4);
    expect(story.replica(1).core.term).toBe(story.replica(3).core.term);
    story.tickAll(30);
    story.show(1, 2, 3);
    expect([1, 2, 3].filter((nodeID) => story.replica(nodeID).core.isLeader)).toHaveLength(1);
    expectGolden('high-term-rejoins', story.transcript);
  });

  it('never commits an entry of an old term by counting replicas (paper 5.4.2, figure 8)', () => {
    const story = new Story({
      voters: 5,
      config: { preVote: false, checkQuorum: false, maxReplicateBytes: 1, maxInflightMessages: 1 },
    });
    story.say('(a) replica 1 leads in term 2 and gets entry 7 to replica 2 only');
    story.timeout(1);
    story.isolate(3, 4, 5);
    story.propose(1, 'old');
    story.say(
      '(b) replica 5 leads in term 3, by votes of 3 and 4, and writes another entry 7, to its own disk only',
    );
    story.crash(1);
    story.heal();
    story.isolate(2);
    story.hold(MessageType.Replicate);
    story.timeout(5);
    story.crash(5);
    story.release(true);
    story.heal();
    story.say('(c) replica 1 is back, leads in a later term, and brings its old entries to 3 as well');
    story.restart(1);
    story.isolate(4, 5);
    story.hold(MessageType.ReplicateResp);
    story.timeout(1);
    story.timeout(1);
    story.release(true);
    story.show(1, 2, 3);
    const before = story.replica(1).core.status().commit;
    story.say('the entry of term 2 is on a majority; only with one of its own term on top may it count');
    story.tickAll(4);
    story.show(1);
    expect(before).toBeLessThan(7);
    expect(story.replica(1).core.status().commit).toBeGreaterThan(7);
    expectGolden('figure-8', story.transcript);
  });

  it('makes a leader with a stuck disk step down, and it does not stand again', () => {
    const story = ledByOne();
    story.stallDisk(1);
    story.propose(1, 'a');
    story.say('its heartbeats go out as ever; after an election timeout it gives up');
    story.tick(1, 10);
    expect(story.replica(1).core.isLeader).toBe(false);
    story.say('the others elect another');
    story.tickAll(25);
    story.show(1, 2, 3);
    expect([2, 3].some((nodeID) => story.replica(nodeID).core.isLeader)).toBe(true);
    story.resumeDisk(1);
    story.tickAll(4);
    story.show(1, 2, 3);
    expect(story.replica(1).core.status().commit).toBe(story.replica(2).core.status().commit);
    expectGolden('disk-stall', story.transcript);
  });

  it('hands leadership over (thesis 3.10), also when a follower is asked', () => {
    const story = ledByOne();
    story.say('the target is up to date: it is asked immediately, and no lease holds it up');
    story.transfer(1, 3);
    expect(story.replica(3).core.isLeader).toBe(true);
    story.say('asked of a follower, the request goes to the leader with term 0');
    story.transfer(1, 2);
    expect(story.replica(2).core.isLeader).toBe(true);
    story.say('a target that is cut off: proposals are dropped until the leader gives it up');
    story.isolate(1);
    story.propose(2, 'a');
    story.transfer(2, 1);
    story.propose(2, 'dropped');
    story.tick(2, 9);
    story.show(2);
    expect(story.replica(2).core.status().leaderTransferTarget).toBe(1);
    story.tick(2, 1);
    expect(story.replica(2).core.status().leaderTransferTarget).toBe(0);
    story.tick(3, 2);
    story.propose(2, 'b');
    expect(story.replica(2).core.isLeader).toBe(true);
    expectGolden('transfer', story.transcript);
  });
});

describe('replication', () => {
  it('finds where two logs part, a term at a time (paper 5.3)', () => {
    const story = new Story({ voters: 3, config: { preVote: false, checkQuorum: false } });
    story.timeout(1);
    story.isolate(1);
    story.say('replica 1, alone, gathers entries that nobody else gets');
    story.propose(1, 'x1', 'x2', 'x3');
    story.propose(1, 'x4', 'x5', 'x6');
    story.say('meanwhile 2 leads and commits others, then hands over to 3');
    story.timeout(2);
    story.propose(2, 'a', 'b', 'c', 'd', 'e', 'f', 'g');
    story.transfer(2, 3);
    story.heal();
    story.say('one rejection is enough to pass over all that 1 has of term 2');
    story.tick(3, 2);
    story.show(1, 2, 3);
    expect(story.replica(1).core.status().commit).toBe(story.replica(3).core.status().commit);
    expect(story.replica(1).machine.hash).toBe(story.replica(3).machine.hash);
    expect(story.transcript.match(/rejects/g)).toHaveLength(1);
    expectGolden('log-conflict', story.transcript);
  });

  it('sends ahead of acknowledgements, up to the window (thesis 10.2.1)', () => {
    const story = ledByOne({ config: { maxInflightMessages: 3 } });
    story.hold(MessageType.ReplicateResp);
    story.say('three Replicates to each, before any is acknowledged; the fourth proposal waits');
    story.propose(1, 'a');
    story.propose(1, 'b');
    story.propose(1, 'c');
    story.propose(1, 'd', 'e');
    story.show(1);
    story.say('the acknowledgements let it go, with all that has gathered in one message');
    story.release();
    story.show(1);
    expect(story.replica(1).core.status().commit).toBe(story.replica(1).core.status().lastIndex);
    expectGolden('pipelining', story.transcript);
  });

  it('finds out about a lost Replicate by the next heartbeat', () => {
    const story = ledByOne();
    story.isolate(3);
    story.propose(1, 'a');
    story.propose(1, 'b');
    story.heal();
    story.tick(1, 2);
    story.show(1, 3);
    expect(story.replica(3).machine.index).toBe(story.replica(1).machine.index);
    expectGolden('lost-replicate', story.transcript);
  });

  it('reads entries for a slow follower back from the log', () => {
    const story = ledByOne({ config: { maxInMemLogBytes: 1000 } });
    story.isolate(3);
    for (let i = 0; i < 12; i++) story.propose(1, `e${i}`);
    story.heal();
    story.say('memory holds only the last entries');
    story.tick(1, 2);
    story.show(1, 3);
    expect(story.replica(3).machine.hash).toBe(story.replica(1).machine.hash);
    expectGolden('log-reads', story.transcript);
  });

  it('installs a snapshot over a log that conflicts with it, and goes on from there', () => {
    const story = new Story({
      voters: 3,
      config: { preVote: false, checkQuorum: false, maxInMemLogBytes: 600 },
    });
    story.timeout(1);
    story.isolate(1);
    story.say('replica 1 has a tail that nobody else has');
    story.propose(1, 'x1', 'x2', 'x3', 'x4', 'x5', 'x6');
    story.timeout(2);
    story.propose(2, 'a', 'b', 'c');
    story.say('replica 2 compacts its log beyond what 1 has');
    story.snapshot(2, 8);
    story.heal();
    story.tick(2, 2);
    story.show(1, 2);
    expect(story.transcript).toContain('InstallSnapshot');
    story.say('the stream ends; what follows the snapshot is appended over the old tail');
    story.snapshotStatus(2, 1, false);
    story.propose(2, 'd');
    story.tick(2, 2);
    story.show(1, 2);
    expect(story.replica(1).machine.hash).toBe(story.replica(2).machine.hash);
    story.say('a crash right now brings none of the old tail back');
    story.crash(1);
    story.restart(1);
    story.tick(2, 2);
    story.show(1);
    expect(story.replica(1).machine.hash).toBe(story.replica(2).machine.hash);
    expectGolden('snapshot-over-conflict', story.transcript);
  });
});

describe('reads, members, sleep', () => {
  it('answers reads by one confirmation round for all that wait (thesis 6.4)', () => {
    const story = ledByOne({ observers: 1 });
    story.say('three reads at the leader share a round');
    story.read(1, 3);
    story.say('a follower and an observer ask the leader');
    story.read(2);
    story.read(4);
    story.say('while a round is under way, reads gather for one more');
    story.hold(MessageType.HeartbeatResp);
    story.read(1);
    story.read(1, 2);
    story.release();
    story.say('without a quorum there is no answer, and a leader that steps down drops them');
    story.isolate(1);
    story.read(1);
    story.tick(1, 20);
    expect(story.replica(1).core.isLeader).toBe(false);
    expectGolden('read-index', story.transcript);
  });

  it('promotes an observer, and nobody else by that', () => {
    const story = new Story({ voters: 1, observers: 2 });
    story.timeout(1);
    story.propose(3, 'from an observer');
    story.say('replica 2 is promoted; replica 3 stays what it is');
    story.change(1, ConfigChangeType.AddNode, 2);
    story.show(1, 2, 3);
    expect(story.replica(2).core.status().role).toBe('follower');
    expect(story.replica(3).core.status().role).toBe('observer');
    story.say('from now on, two voting members must agree');
    story.isolate(2);
    story.propose(1, 'waits');
    story.show(1);
    expect(story.replica(1).core.status().commit).toBeLessThan(story.replica(1).core.status().lastIndex);
    story.heal();
    story.tick(1, 2);
    expect(story.replica(1).core.status().commit).toBe(story.replica(1).core.status().lastIndex);
    expectGolden('observer-promotion', story.transcript);
  });

  it('changes one member at a time (thesis 4.1), and a removed leader steps down', () => {
    const story = ledByOne();
    story.join(4);
    story.hold(MessageType.ReplicateResp);
    story.change(1, ConfigChangeType.AddNode, 4);
    story.say('a second change is rejected while the first is under way');
    story.change(1, ConfigChangeType.RemoveNode, 2);
    story.release();
    story.tick(1, 2);
    story.show(1, 4);
    expect(story.replica(4).machine.hash).toBe(story.replica(1).machine.hash);
    story.say('the leader removes itself');
    story.change(1, ConfigChangeType.RemoveNode, 1);
    story.show(1, 2);
    expect(story.replica(1).core.isLeader).toBe(false);
    expect([...story.replica(2).core.status().membership.addresses.keys()]).toEqual([2, 3, 4]);
    story.tickAll(30);
    story.show(1, 2, 3, 4);
    expect([2, 3, 4].filter((nodeID) => story.replica(nodeID).core.isLeader)).toHaveLength(1);
    expectGolden('config-change', story.transcript);
  });

  it('needs a removed member until those who stay know of its removal', () => {
    const story = new Story({ voters: 4 });
    story.timeout(1);
    story.say('the leader commits and applies the removal of 4, and nothing of that leaves it any more');
    story.hold(MessageType.ReplicateResp);
    story.change(1, ConfigChangeType.RemoveNode, 4);
    story.isolate(1);
    story.release();
    expect([...story.replica(1).core.status().membership.addresses.keys()]).toEqual([1, 2, 3]);
    story.say('it is lost, and 4 was stopped: two of three are there, and count four');
    story.crash(1);
    story.crash(4);
    story.tickAll(200);
    const leads = (nodeID: number): boolean => story.replica(nodeID).core.isLeader;
    expect([2, 3].filter(leads)).toEqual([]);
    expect([...story.replica(2).core.status().membership.addresses.keys()]).toEqual([1, 2, 3, 4]);
    story.say('4 comes back, votes, and is removed');
    story.restart(4);
    story.tickAll(60);
    story.propose(2, 'a');
    expect([2, 3].filter(leads)).toHaveLength(1);
    for (const nodeID of [2, 3]) {
      const { membership, commit, lastIndex } = story.replica(nodeID).core.status();
      expect([...membership.addresses.keys()]).toEqual([1, 2, 3]);
      expect(commit).toBe(lastIndex);
    }
  });

  it('takes no change that costs the quorum, unless it is forced', () => {
    const story = ledByOne();
    story.isolate(3);
    story.tick(1, 24);
    const before = story.transcript.length;
    story.say('3 is away: with a fourth voting member two of four would be heard');
    story.change(1, ConfigChangeType.AddNode, 4);
    story.say('nor is the id of a node burnt that never was a member');
    story.change(1, ConfigChangeType.RemoveNode, 9);
    story.say('by force: from then on two of four commit nothing');
    story.change(1, ConfigChangeType.AddNode, 4, true);
    story.propose(1, 'a');
    story.show(1, 2);
    const { commit, lastIndex } = story.replica(1).core.status();
    expect(lastIndex).toBe(commit + 1);
    expectGolden('quorum-at-risk', story.transcript.slice(before));
  });

  it('goes to sleep when idle, and notices a dead leader when it matters', () => {
    const story = ledByOne({ config: { quiesce: true } });
    story.tickAll(100);
    const before = story.transcript.length;
    story.say('ten election timeouts without a proposal');
    story.tickAll(2);
    story.show(1, 2, 3);
    expect([1, 2, 3].map((nodeID) => story.replica(nodeID).core.isQuiesced)).toEqual([true, true, true]);
    story.say('silence');
    story.tickAll(50);
    story.say('a proposal at a follower wakes all');
    story.propose(2, 'a');
    expect([1, 2, 3].map((nodeID) => story.replica(nodeID).core.isQuiesced)).toEqual([false, false, false]);
    story.tickAll(105);
    expect(story.replica(3).core.isQuiesced).toBe(true);
    story.say('the leader dies in its sleep; a read wakes the one who is asked, and the others follow');
    story.crash(1);
    story.tickAll(50);
    story.read(2);
    story.tickAll(60);
    story.show(2, 3);
    expect([2, 3].some((nodeID) => story.replica(nodeID).core.isLeader)).toBe(true);
    expectGolden('quiesce', withoutHeartbeats(story.transcript.slice(before)));
  });
});

describe('what the network claims', () => {
  it('is dropped when it can not be true, and stops nobody', () => {
    const story = ledByOne({ config: { checkQuorum: true } });
    const before = story.transcript.length;
    story.say(
      'to the leader: another leader of its term, a node of no membership, a term that is out of reach',
    );
    story.forge({ type: Heartbeat, from: 2, to: 1, term: 2 });
    story.forge({ type: Heartbeat, from: 9, to: 1, term: 3 });
    story.forge({ type: RequestVote, from: 3, to: 1, term: Number.MAX_SAFE_INTEGER });
    story.say('to a follower: other entries in place of committed ones, a commit index that nobody has');
    story.forge({ type: Replicate, from: 1, to: 2, term: 2, logIndex: 3, logTerm: 2, commit: 3 });
    story.forge({ type: Heartbeat, from: 1, to: 2, term: 2, commit: 99 });
    story.forge({ type: Heartbeat, from: 3, to: 2, term: 2 });
    story.say('the group goes on');
    story.propose(1, 'a');
    story.show(1, 2, 3);
    expect(story.replica(1).core.isLeader).toBe(true);
    expectGolden('impossible-claims', story.transcript.slice(before));
  });

  it('is believed of a leader that nobody here lists, while no listed one is heard', () => {
    const story = ledByOne({ config: { checkQuorum: true } });
    const before = story.transcript.length;
    story.say('while the leader is heard it is dropped');
    story.forge({ type: Heartbeat, from: 9, to: 3, term: 3 });
    story.say('3 hears nobody for long: 9 may be a member that was added meanwhile');
    story.isolate(3);
    story.tick(3, 20);
    story.forge({ type: Heartbeat, from: 9, to: 3, term: 9 });
    story.show(3);
    expect(story.replica(3).core.leaderID).toBe(9);
    expectGolden('later-member', story.transcript.slice(before));
  });
});

function withoutHeartbeats(transcript: string): string {
  return transcript
    .split('\n')
    .filter((line) => !line.includes('Heartbeat'))
    .join('\n');
}

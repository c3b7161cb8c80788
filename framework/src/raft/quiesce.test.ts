import { describe, expect, it } from '@jest/globals';
import { ConfigChangeType, MessageType } from '@drakkar/raftio';
import { command } from './testing/codec.js';
import { expectGolden } from './testing/golden.js';
import { Solo, emptyInit, ofType } from './testing/solo.js';
import { Story } from './testing/story.js';

type Options = Partial<ConstructorParameters<typeof Story>[0]>;

const TIMEOUT = 10;

/** Three voters and an observer, replica 1 leading, all asleep. */
function sleeping(options: Options = {}): Story {
  const config = { quiesce: true, ...options.config };
  const story = new Story({ voters: 3, observers: 1, ...options, config });
  story.timeout(1);
  story.tickAll(11 * TIMEOUT);
  expect(asleep(story, 1, 2, 3, 4)).toEqual([1, 2, 3, 4]);
  return story;
}

const isAsleep = (story: Story, nodeID: number): boolean => story.replica(nodeID).core.isQuiesced;
const asleep = (story: Story, ...nodeIDs: number[]): number[] =>
  nodeIDs.filter((nodeID) => isAsleep(story, nodeID));
const termOf = (story: Story, nodeID: number): number => story.replica(nodeID).core.term;
const commitOf = (story: Story, nodeID: number): number => story.replica(nodeID).core.status().commit;
const leaderOf = (story: Story, nodeID: number): number => story.replica(nodeID).core.leaderID;

/** What was said since `from` of a read, at that replica. */
const hasRead = (story: Story, nodeID: number, from: number): boolean =>
  new RegExp(`^ {2}${nodeID}: .*read \\d+ ready`, 'm').test(story.transcript.slice(from));

/** Reads at a replica every few ticks, as a client that retries does, until one is answered. */
function readUntilAnswered(story: Story, nodeID: number, ticks: number): boolean {
  const from = story.transcript.length;
  for (let i = 0; i < ticks && !hasRead(story, nodeID, from); i++) {
    if (i % 5 === 0) story.read(nodeID);
    story.tickAll();
  }
  return hasRead(story, nodeID, from);
}

describe('a leader that could sleep', () => {
  /** A leader with one entry more than is applied; everybody has it. */
  function busy(): Solo {
    const solo = new Solo({ quiesce: true });
    solo.lead();
    solo.raft.propose([command('a')]);
    const update = solo.raft.getUpdate();
    solo.raft.saved(update);
    for (const nodeID of [2, 3]) solo.ack(nodeID);
    return solo;
  }

  function idle(solo: Solo): void {
    for (let i = 0; i < 150; i++) {
      solo.tick();
      // They have applied no more than the leader, which would make way for them otherwise.
      for (const nodeID of [2, 3]) solo.step(nodeID, MessageType.HeartbeatResp, { logIndex: 1 });
    }
  }

  it('stays awake while something is committed and not applied', () => {
    const solo = busy();
    const [entry] = solo.raft.getUpdate().entriesToApply;
    expect(entry?.index).toBe(2);
    idle(solo);
    expect(solo.raft.isQuiesced).toBe(false);
    solo.raft.applied(2);
    idle(solo);
    expect(solo.raft.isQuiesced).toBe(true);
  });

  it('stays awake while a live member lacks entries, though a period of the quorum check has just begun', () => {
    const solo = new Solo({ quiesce: true, checkQuorum: true });
    solo.elect(2);
    solo.ack(2);
    solo.drain();
    // 3 answers heartbeats and acknowledges nothing: its disk is slow.
    for (let i = 0; i < 400; i++) {
      solo.tick();
      expect(solo.raft.isQuiesced).toBe(false);
      const heartbeats = ofType(solo.drain().messages, MessageType.Heartbeat);
      for (const { to } of heartbeats) solo.step(to, MessageType.HeartbeatResp);
    }
    solo.ack(3);
    idle(solo);
    expect(solo.raft.isQuiesced).toBe(true);
  });

  it('stays awake while a snapshot is on its way to a member that says nothing', () => {
    const story = new Story({ voters: 3, config: { quiesce: true, maxInMemLogBytes: 600 } });
    story.timeout(1);
    story.isolate(3);
    story.tickAll(3 * TIMEOUT);
    for (const text of ['a', 'b', 'c', 'd']) story.propose(1, text.repeat(200));
    story.snapshot(1, commitOf(story, 1));
    story.heal();
    story.hold(MessageType.InstallSnapshot);
    story.tickAll(TIMEOUT);
    expect(story.replica(1).core.status().remotes.get(3)?.status).toBe('snapshot');
    story.isolate(3);
    story.tickAll(15 * TIMEOUT);
    expect(isAsleep(story, 1)).toBe(false);
    story.snapshotStatus(1, 3, true);
    story.tickAll(15 * TIMEOUT);
    expect(isAsleep(story, 1)).toBe(true);
  });
});

describe('a follower that could sleep', () => {
  it('passes a proposal on to its leader when a member has taken it for the leader', () => {
    const solo = new Solo({ quiesce: true });
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    for (let i = 0; i < 20; i++) {
      solo.tick();
      solo.step(2, MessageType.Heartbeat);
    }
    solo.drain();
    solo.step(3, MessageType.Propose, { term: 0, entries: [command('a')] });
    solo.step(2, MessageType.Heartbeat);
    const forwarded = ofType(solo.drain().messages, MessageType.Propose);
    expect(forwarded).toHaveLength(1);
  });

  it.each([
    ['it has quiesce switched off', false, 20, 0],
    ['it was used just now', true, 5, 0],
    ['it lacks what is committed', true, 20, 7],
  ])('answers the Quiesce that it refuses, because %s', (_, quiesce, ticks, commit) => {
    const solo = new Solo({ quiesce });
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    for (let i = 0; i < ticks; i++) {
      solo.tick();
      solo.step(2, MessageType.Heartbeat);
    }
    solo.drain();
    solo.step(2, MessageType.Quiesce, { commit });
    const answers = solo.drain().messages.map(({ type, to, term }) => [type, to, term]);
    expect(solo.raft.isQuiesced).toBe(false);
    expect(answers).toEqual([[MessageType.NoOP, 2, 0]]);
  });
});

describe('a group that sleeps', () => {
  it('is found by an observer that was restarted, without an election', () => {
    const story = sleeping();
    const before = story.transcript.length;
    story.crash(4);
    story.restart(4);
    expect(readUntilAnswered(story, 4, 2 * TIMEOUT)).toBe(true);
    story.tickAll(11 * TIMEOUT);
    expect(asleep(story, 1, 2, 3, 4)).toEqual([1, 2, 3, 4]);
    expect(termOf(story, 1)).toBe(2);
    expectGolden('quiesce-observer', withoutHeartbeats(story.transcript.slice(before)));
  });

  it.each([true, false])(
    'is found by a voter that was restarted, without an election (pre-vote %s)',
    (preVote) => {
      const story = sleeping({ config: { preVote } });
      story.crash(3);
      story.restart(3);
      expect(readUntilAnswered(story, 3, TIMEOUT)).toBe(true);
      expect([termOf(story, 1), leaderOf(story, 3)]).toEqual([2, 1]);
    },
  );

  it('finds a member that was added, and is started while all sleep', () => {
    const story = sleeping();
    story.change(1, ConfigChangeType.AddObserver, 5);
    story.tickAll(13 * TIMEOUT);
    expect(asleep(story, 1, 2, 3, 4)).toEqual([1, 2, 3, 4]);
    const before = story.transcript.length;
    story.say('nobody is there yet: those who sleep are left alone');
    story.seek(1);
    expect(asleep(story, 1, 2, 3, 4)).toEqual([1, 2, 3, 4]);
    story.join(5, true);
    story.tickAll(5 * TIMEOUT);
    expect(leaderOf(story, 5)).toBe(0);
    story.say('the newcomer knows nobody, but its leader looks for it');
    story.seek(1);
    expect(commitOf(story, 5)).toBe(commitOf(story, 1));
    expect(readUntilAnswered(story, 5, TIMEOUT)).toBe(true);
    story.tickAll(12 * TIMEOUT);
    expect(asleep(story, 1, 2, 3, 4, 5)).toEqual([1, 2, 3, 4, 5]);
    expect(story.replica(1).core.membersToSeek).toEqual([]);
    expectGolden('quiesce-joiner', withoutHeartbeats(story.transcript.slice(before)));
  });

  it.each([3, 4])('is woken when the one Quiesce message to replica %i is lost', (nodeID) => {
    const story = new Story({ voters: 3, observers: 1, config: { quiesce: true, preVote: false } });
    story.timeout(1);
    story.tickAll(9 * TIMEOUT);
    story.lose(MessageType.Quiesce, nodeID);
    let turns = 0;
    let wasAsleep = false;
    for (let i = 0; i < 60 * TIMEOUT; i++) {
      story.tickAll();
      if (isAsleep(story, 1) && !wasAsleep) turns += 1;
      wasAsleep = isAsleep(story, 1);
    }
    // It falls asleep again and again, as long as that goes on, but not in a fast loop; and nobody is elected.
    expect(turns).toBeGreaterThan(2);
    expect(turns).toBeLessThan(7);
    expect(termOf(story, 1)).toBe(2);
    expect(readUntilAnswered(story, nodeID, TIMEOUT)).toBe(true);
    story.heal();
    story.tickAll(15 * TIMEOUT);
    expect(asleep(story, 1, 2, 3, 4)).toEqual([1, 2, 3, 4]);
  });

  it.each([2, 4])('gets a leader when the old one has died and a read is made at replica %i', (nodeID) => {
    const story = sleeping();
    story.crash(1);
    story.tickAll(5 * TIMEOUT);
    expect(readUntilAnswered(story, nodeID, 10 * TIMEOUT)).toBe(true);
    story.tickAll(15 * TIMEOUT);
    expect(asleep(story, 2, 3, 4)).toEqual([2, 3, 4]);
  });

  it.each([2, 4])('brings replica %i up to date, which was cut off in its sleep', (nodeID) => {
    const story = sleeping();
    story.isolate(nodeID);
    story.propose(1, 'a');
    story.tickAll(15 * TIMEOUT);
    expect(asleep(story, 1, 2, 3, 4)).toEqual([1, 2, 3, 4]);
    expect(story.replica(1).core.membersToSeek).toEqual([nodeID]);
    story.heal();
    story.seek(1);
    expect(commitOf(story, nodeID)).toBe(commitOf(story, 1));
    story.tickAll(12 * TIMEOUT);
    expect(asleep(story, 1, 2, 3, 4)).toEqual([1, 2, 3, 4]);
    expect(story.replica(1).core.membersToSeek).toEqual([]);
  });

  it('finds a member asleep that believes in a leader of long ago', () => {
    const story = sleeping();
    story.isolate(3);
    story.transfer(1, 2);
    story.tickAll(15 * TIMEOUT);
    expect([isAsleep(story, 2), isAsleep(story, 3), leaderOf(story, 3)]).toEqual([true, true, 1]);
    story.heal();
    story.seek(2);
    expect(leaderOf(story, 3)).toBe(2);
  });

  it('holds no lease against the leader itself, which was restarted and stands again', () => {
    const solo = new Solo({ checkQuorum: true, preVote: true });
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    for (const from of [2, 3]) solo.step(from, MessageType.RequestPreVote, { term: 2 });
    const answers = ofType(solo.drain().messages, MessageType.RequestPreVoteResp);
    expect(answers.map(({ to, reject }) => [to, reject])).toEqual([
      [2, false],
      [3, true],
    ]);
    solo.step(3, MessageType.RequestVote, { term: 2 });
    expect(solo.raft.term).toBe(1);
    solo.step(2, MessageType.RequestVote, { term: 2 });
    expect(solo.raft.term).toBe(2);
  });

  it('is asked for by an observer with quiesce switched off, at every election timeout', () => {
    const solo = new Solo({ quiesce: false, isObserver: true }, emptyInit([2, 3], [1]));
    const asked: number[] = [];
    for (let i = 0; i < 6 * TIMEOUT; i++) {
      solo.tick();
      asked.push(...ofType(solo.drain().messages, MessageType.NoOP).map(({ to }) => to));
    }
    expect(asked.length).toBeGreaterThanOrEqual(4);
    expect(new Set(asked)).toEqual(new Set([2, 3]));
  });

  it('sleeps only for a moment, and elects nobody, while one member has quiesce switched off', () => {
    const options = { preVote: false, quiesce: true };
    const story = new Story({
      voters: 3,
      config: options,
      configOf: (nodeID) => (nodeID === 3 ? { quiesce: false } : {}),
    });
    story.timeout(1);
    story.tickAll(40 * TIMEOUT);
    expect(termOf(story, 1)).toBe(2);
    expect(leaderOf(story, 3)).toBe(1);
    expect(asleep(story, 1, 2, 3)).toEqual([]);
  });

  it('takes no entry of a member for a question, and a question for no activity', () => {
    const solo = new Solo({ quiesce: true });
    solo.lead();
    for (let i = 0; i < 101; i++) {
      solo.tick();
      for (const nodeID of [2, 3]) solo.step(nodeID, MessageType.HeartbeatResp);
      if (i === 95) solo.step(3, MessageType.NoOP, { term: 0 });
    }
    expect(solo.raft.isQuiesced).toBe(true);
    solo.drain();
    solo.step(3, MessageType.NoOP, { term: 0 });
    expect(solo.raft.isQuiesced).toBe(false);
    expect(ofType(solo.drain().messages, MessageType.Heartbeat).map(({ to }) => to)).toEqual([2, 3, 3]);
  });

  it('lets a follower that was woken by a question pass it on to its leader, once', () => {
    const solo = new Solo({ quiesce: true }, emptyInit([1, 2, 3], [4]));
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    for (let i = 0; i < 20; i++) {
      solo.tick();
      solo.step(2, MessageType.Heartbeat);
    }
    solo.drain();
    solo.step(2, MessageType.Quiesce);
    expect(solo.raft.isQuiesced).toBe(true);
    for (let i = 0; i < 3; i++) solo.step(4, MessageType.NoOP, { term: 0 });
    expect(solo.drain().messages.map(({ type, to }) => [type, to])).toEqual([[MessageType.NoOP, 2]]);
  });
});

function withoutHeartbeats(transcript: string): string {
  return transcript
    .split('\n')
    .filter((line) => !line.includes('Heartbeat'))
    .join('\n');
}

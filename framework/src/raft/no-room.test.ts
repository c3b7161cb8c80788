import { describe, expect, it } from '@jest/globals';
import { type Entry, Feature, MessageType, makeEntry } from '@drakkar/raftio';
import { expectGolden } from './testing/golden.js';
import { NO_ROOM_HINT } from './proposal.js';
import { Solo, ofType } from './testing/solo.js';
import { Story } from './testing/story.js';

const { Replicate, ReplicateResp, ProposalDropped, Propose } = MessageType;
const isEven = (nodeID: number): number =>
  nodeID === 2 ? Feature.BusyResponses | Feature.DroppedProposals : 0;

function filled(key: number): Entry {
  return makeEntry({ key, clientID: 7, seriesID: 1, cmd: new Uint8Array(400) });
}

describe('a follower without room', () => {
  it('is asked by empty messages until it has some, and gets the entries then', () => {
    const story = new Story({
      voters: 3,
      config: { maxInMemLogBytes: 700, featuresOf: () => Feature.BusyResponses },
    });
    story.timeout(1);
    story.hang(3);
    for (let i = 0; i < 8; i++) story.propose(1, `e${i}`);
    const before = story.transcript.length;
    story.say('its state machine stands still and its log is full: one empty message with each heartbeat');
    story.tickAll(20);
    const asked = story.transcript.slice(before);
    expect(asked).toMatch(/1 -> 3 Replicate .* nothing/);
    expect(asked.split('\n').filter((line) => /1 -> 3 Replicate (?!.* nothing)/.test(line))).toEqual([]);
    story.say('it applies again');
    story.unhang(3);
    story.tickAll(4);
    story.show(1, 3);
    expect(story.replica(3).machine.hash).toBe(story.replica(1).machine.hash);
    expectGolden('no-room', story.transcript.slice(before));
  });

  it('reports it only to a leader that knows what that means', () => {
    for (const [leaderID, answers] of [
      [2, 1],
      [3, 0],
    ] as const) {
      const solo = new Solo({ maxInMemLogBytes: 256, featuresOf: isEven });
      const entries = [filled(1), filled(2)];
      for (const [i, entry] of entries.entries()) entry.place(1, i + 1);
      solo.step(leaderID, Replicate, { term: 1, commit: 2, entries });
      const update = solo.raft.getUpdate();
      solo.raft.saved(update);
      solo.raft.getUpdate();
      const next = filled(3);
      next.place(1, 3);
      solo.step(leaderID, Replicate, { term: 1, logIndex: 2, logTerm: 1, commit: 2, entries: [next] });
      const { messagesAfterSave } = solo.raft.getUpdate();
      const rejections = ofType(messagesAfterSave, ReplicateResp).filter(({ reject }) => reject);
      expect(rejections).toHaveLength(answers);
    }
  });
});

describe('a forwarded proposal that there is no room for', () => {
  it('is answered, without its command, to a member that knows the answer', () => {
    for (const [from, answers] of [
      [2, [11]],
      [3, []],
    ] as const) {
      const solo = new Solo({ maxInMemLogBytes: 256, featuresOf: isEven });
      solo.lead();
      solo.raft.propose([filled(1)]);
      solo.step(from, Propose, { term: 0, entries: [filled(11)] });
      const { messages } = solo.raft.getUpdate();
      const answered = ofType(messages, ProposalDropped);
      const dropped = answered.flatMap(({ entries }) => entries);
      expect(new Set(answered.map(({ hint }) => hint))).toEqual(new Set(answers.map(() => NO_ROOM_HINT)));
      expect(dropped.map(({ key }) => key)).toEqual(answers);
      for (const { cmd } of dropped) expect(cmd).toHaveLength(0);
    }
  });

  it('is answered when a transfer of leadership holds it for too long', () => {
    const solo = new Solo({ featuresOf: isEven });
    solo.lead();
    solo.raft.requestLeaderTransfer(3);
    solo.step(2, Propose, { term: 0, entries: [filled(11)] });
    solo.drain();
    solo.step(2, MessageType.RequestVote, { term: solo.raft.term + 1, logIndex: 99, logTerm: 2, hint: 2 });
    solo.drain();
    solo.tick(40);
    const { messages } = solo.drain();
    const answers = ofType(messages, ProposalDropped);
    expect(answers.map(({ hint, entries }) => [hint, ...entries.map(({ key }) => key)])).toEqual([[0, 11]]);
  });

  it('ends for want of room where it was made, which may be on the leader', () => {
    const told = new Solo();
    told.step(2, ProposalDropped, { term: 0, entries: [filled(11)], hint: NO_ROOM_HINT });
    const leader = new Solo({ maxInMemLogBytes: 256 });
    leader.lead();
    leader.raft.propose([filled(1)]);
    leader.raft.propose([filled(11)]);
    for (const { raft } of [told, leader]) {
      const { proposalsWithoutRoom, droppedProposals } = raft.getUpdate();
      expect(proposalsWithoutRoom.map(({ key }) => key)).toEqual([11]);
      expect(droppedProposals).toEqual([]);
    }
  });

  it('ends as dropped where it was made, when that is not the reason', () => {
    const solo = new Solo();
    solo.step(2, ProposalDropped, { term: 0, entries: [filled(11)] });
    expect(solo.raft.getUpdate().droppedProposals.map(({ key }) => key)).toEqual([11]);
    solo.step(9, ProposalDropped, { term: 0, entries: [filled(12)] });
    expect(solo.raft.hasUpdate()).toBe(false);
  });
});

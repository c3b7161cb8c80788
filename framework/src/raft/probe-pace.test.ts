import { describe, expect, it } from '@jest/globals';
import { Feature, type Message, MessageType, makeEntry } from '@drakkar/raftio';
import { expectGolden } from './testing/golden.js';
import { Solo, emptyInit, ofType } from './testing/solo.js';
import { Story } from './testing/story.js';

const { HeartbeatResp, Replicate, ReplicateResp } = MessageType;

/** What goes to replica 3: the index before, and how many entries. */
function sentTo3(messages: readonly Message[]): [number, number][] {
  return ofType(messages, Replicate)
    .filter(({ to }) => to === 3)
    .map(({ logIndex, entries }) => [logIndex, entries.length]);
}

/** A leader of 1, 2 and 3, which has heard nothing of 3 and has three entries for it. */
function leaderBefore3(): Solo {
  const solo = new Solo();
  solo.elect(2);
  solo.ack(2);
  solo.raft.propose([1, 2].map((key) => makeEntry({ key, cmd: new Uint8Array(9) })));
  solo.drain();
  return solo;
}

function answerHeartbeat(solo: Solo, ticks = 2): [number, number][] {
  solo.tick(ticks);
  solo.drain();
  solo.step(3, HeartbeatResp);
  return sentTo3(solo.drain().messages);
}

function acknowledge(solo: Solo, logIndex: number): [number, number][] {
  solo.step(3, ReplicateResp, { logIndex });
  return sentTo3(solo.drain().messages);
}

describe('entries that a follower does not acknowledge', () => {
  it('are asked for by empty messages until the follower answers, and sent once more then', () => {
    const solo = leaderBefore3();
    for (let i = 0; i < 20; i++) expect(answerHeartbeat(solo)).toEqual([[0, 0]]);
    expect(acknowledge(solo, 0)).toEqual([[0, 3]]);
    expect(acknowledge(solo, 3)).toEqual([[3, 0]]);
    expect(solo.raft.status().remotes.get(3)?.status).toBe('replicate');
  });

  it('are taken for received when the late answer comes', () => {
    const solo = leaderBefore3();
    expect(answerHeartbeat(solo)).toEqual([[0, 0]]);
    expect(acknowledge(solo, 1)).toEqual([[1, 2]]);
    expect(acknowledge(solo, 0)).toEqual([]);
    expect(solo.raft.status().remotes.get(3)).toMatchObject({ status: 'replicate', match: 1 });
  });

  it('go one at a time, after pauses that double up to an election timeout, to one that answers without them', () => {
    const solo = leaderBefore3();
    const sendTicks: number[] = [];
    for (let tick = 2; tick <= 100; tick += 2) {
      let sent = answerHeartbeat(solo);
      if (sent[0]?.[1] === 0) sent = acknowledge(solo, 0);
      for (const [, count] of sent) {
        expect(count).toBe(sendTicks.length === 0 ? 3 : 1);
        sendTicks.push(tick);
      }
    }
    const pauses = sendTicks.map((tick, i) => tick - (sendTicks[i - 1] ?? 0));
    expect(pauses).toEqual([2, 4, 8, 10, 10, 10, 10, 10, 10, 10, 10]);
  });

  it('are sent at once after a rejection, which says where the logs part', () => {
    const init = emptyInit();
    const solo = new Solo({}, init);
    solo.lead();
    solo.raft.propose([makeEntry({ key: 1 })]);
    solo.drain();
    solo.step(3, ReplicateResp, { reject: true, logIndex: 1, hint: 0 });
    expect(sentTo3(solo.drain().messages)).toEqual([]);
    expect(answerHeartbeat(solo)).toEqual([[2, 0]]);
    solo.step(3, ReplicateResp, { reject: true, logIndex: 2, hint: 1 });
    expect(sentTo3(solo.drain().messages)).toEqual([[1, 1]]);
  });
});

describe('a window of messages that are not acknowledged', () => {
  it('is asked about by empty messages while it is full', () => {
    const solo = new Solo({ maxInflightMessages: 2 });
    solo.lead();
    for (let key = 1; key <= 5; key++) {
      solo.raft.propose([makeEntry({ key })]);
      solo.drain();
    }
    for (let i = 0; i < 10; i++) expect(answerHeartbeat(solo)).toEqual([[3, 0]]);
    expect(acknowledge(solo, 3)).toEqual([[3, 3]]);
  });

  it('begins with one message, and doubles, after the follower had no room', () => {
    const featuresOf = (): number => Feature.BusyResponses;
    const solo = new Solo({ maxReplicateBytes: 1, featuresOf });
    solo.lead();
    for (let key = 1; key <= 12; key++) solo.raft.propose([makeEntry({ key })]);
    solo.drain();
    solo.step(3, ReplicateResp, { reject: true, logIndex: 1, hint: 1, hintHigh: 0xffff_ffff });
    expect(sentTo3(solo.drain().messages)).toEqual([]);
    expect(answerHeartbeat(solo)).toEqual([[1, 0]]);
    const last = (sent: [number, number][]): number => (sent.at(-1)?.[0] ?? 0) + 1;
    let sent = acknowledge(solo, 1);
    expect(sent).toHaveLength(1);
    sent = acknowledge(solo, last(sent));
    expect(sent).toHaveLength(2);
    sent = acknowledge(solo, last(sent));
    expect(sent).toHaveLength(4);
  });
});

describe('a follower that says nothing of its room', () => {
  it('gets few entries while its state machine stands still, and all of them afterwards', () => {
    const story = new Story({ voters: 3, config: { maxInMemLogBytes: 700 } });
    story.timeout(1);
    story.hang(3);
    for (let i = 0; i < 8; i++) story.propose(1, `e${i}`);
    const before = story.transcript.length;
    story.say('its log is full: it answers empty messages, and drops entries');
    story.tickAll(60);
    story.say('it applies again');
    story.unhang(3);
    story.tickAll(12);
    story.show(1, 3);
    const transcript = story.transcript.slice(before);
    expect(transcript.match(/1 -> 3 Replicate (?!.* nothing)/g)?.length).toBeLessThan(10);
    expect(story.replica(3).machine.hash).toBe(story.replica(1).machine.hash);
    expectGolden('no-room-unsaid', transcript);
  });

  it('gets no entries again while its disk does not answer', () => {
    const story = new Story({ voters: 3 });
    story.timeout(1);
    story.isolate(3);
    story.propose(1, 'a', 'b');
    story.stallDisk(3);
    const before = story.transcript.length;
    story.heal();
    story.tickAll(100);
    story.say('the disk goes on');
    story.resumeDisk(3);
    story.show(1, 3);
    expect(story.transcript.slice(before).match(/1 -> 3 Replicate (?!.* nothing)/g)).toHaveLength(1);
    expect(story.replica(3).core.status().commit).toBe(story.replica(1).core.status().commit);
  });
});

import { describe, expect, it } from '@jest/globals';
import { makeEntry } from '@drakkar/raftio';
import { expectGolden } from './testing/golden.js';
import { Solo, emptyInit } from './testing/solo.js';
import { Story } from './testing/story.js';

const isLeader = (story: Story) => (nodeID: number) => story.replica(nodeID).core.isLeader;

/** Three voting members, replica 1 leading, and an election timeout of ten ticks. */
function ledByOne(): Story {
  const story = new Story({ voters: 3 });
  story.timeout(1);
  return story;
}

describe('a leader whose state machine hangs', () => {
  it('steps down, leaves the campaign to the others, and follows again', () => {
    const story = ledByOne();
    story.hang(1);
    story.propose(1, 'a');
    story.tickAll(40);
    expect(story.replica(1).core.isLeader).toBe(true);
    const before = story.transcript.length;
    story.say('five election timeouts have passed, and the others have applied more');
    story.tickAll(60);
    story.show(1, 2, 3);
    expect([1, 2, 3].filter(isLeader(story))).toEqual([2]);
    const { term } = story.replica(2).core;
    story.propose(2, 'b');
    story.tickAll(300);
    expect(story.replica(2).core.term).toBe(term);
    story.unhang(1);
    story.tickAll(30);
    story.show(1, 2);
    expect(story.replica(1).machine.hash).toBe(story.replica(2).machine.hash);
    expect(story.replica(2).core.term).toBe(term);
    const lines = story.transcript.slice(before).split('\n');
    expectGolden('machine-stall', lines.filter((line) => !line.includes('Heartbeat')).join('\n'));
  });

  it('stays when all hang at the same entry', () => {
    const story = ledByOne();
    for (const nodeID of [1, 2, 3]) story.hang(nodeID);
    story.propose(1, 'a');
    const { term } = story.replica(1).core;
    story.tickAll(1000);
    expect([1, 2, 3].filter(isLeader(story))).toEqual([1]);
    expect(story.replica(1).core.term).toBe(term);
  });

  it('stays while nobody else is up to date, and steps down when one is', () => {
    const story = ledByOne();
    story.isolate(3);
    story.hang(1);
    story.propose(1, 'a');
    story.crash(2);
    story.heal();
    story.tick(1, 5);
    expect(story.replica(1).core.isLeader).toBe(true);
    story.restart(2);
    story.tickAll(100);
    expect(story.replica(1).core.isLeader).toBe(false);
    expect([2, 3].filter(isLeader(story))).toHaveLength(1);
  });

  it('does not step down for work that takes long and goes on', () => {
    const story = ledByOne();
    story.hang(1);
    story.propose(1, 'a', 'b', 'c', 'd');
    const { core } = story.replica(1);
    const { applied } = core.status();
    for (let i = 1; i <= 3; i++) {
      story.tickAll(45);
      core.applying(applied + i);
    }
    story.tickAll(45);
    expect(core.isLeader).toBe(true);
    story.tickAll(60);
    expect(core.isLeader).toBe(false);
  });

  it('stands again when nobody else wins for long: its log may be the only one that can', () => {
    const story = ledByOne();
    story.hang(1);
    story.propose(1, 'a');
    story.tickAll(60);
    expect([2, 3].filter(isLeader(story))).toHaveLength(1);
    story.crash(2);
    story.isolate(3);
    story.tick(1, 60);
    expect(story.transcript.split('> isolate 3')[1]).not.toContain('1 -> 3 Request');
    story.tick(1, 200);
    expect(story.transcript.split('> isolate 3')[1]).toContain('1 -> 3 Request');
  });
});

describe('a state machine that is slow with every entry', () => {
  it('is reported less and less often', () => {
    const { raft } = new Solo({}, emptyInit([1]));
    let reports = 0;
    const turn = (): void => {
      raft.tick();
      while (raft.hasUpdate()) {
        const update = raft.getUpdate();
        reports += update.reports.length;
        if (update.mustSave) raft.saved(update);
      }
    };
    while (!raft.isLeader) turn();
    raft.propose(Array.from({ length: 100 }, (_, i) => makeEntry({ key: i })));
    for (let index = 1; index <= 60; index++) {
      for (let tick = 0; tick < 60; tick++) turn();
      raft.applying(index);
    }
    expect(reports).toBeGreaterThanOrEqual(3);
    expect(reports).toBeLessThanOrEqual(8);
  });
});

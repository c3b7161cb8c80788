import { describe, expect, it } from '@jest/globals';
import { MessageType } from '@drakkar/raftio';
import { SeededRandom } from './testing/random.js';
import { Solo, ofType } from './testing/solo.js';

/** Ticks until a follower that hears of no leader campaigns. */
function ticksToCampaign(electionTimeoutTicks: number, seed: number): number {
  const solo = new Solo({ electionTimeoutTicks, random: new SeededRandom(seed) });
  for (let ticks = 1; ; ticks++) {
    solo.tick();
    if (ofType(solo.drain().messages, MessageType.RequestVote).length > 0) return ticks;
  }
}

describe('the election timeout', () => {
  it('is drawn again between once and twice what is configured', () => {
    const drawn = Array.from({ length: 300 }, (_, seed) => ticksToCampaign(10, seed + 1));
    expect(Math.min(...drawn)).toBe(10);
    expect(Math.max(...drawn)).toBe(19);
    expect(new Set(drawn).size).toBe(10);
  });

  it('begins again with every heartbeat of the leader', () => {
    const solo = new Solo({ electionTimeoutTicks: 10 });
    for (let ticks = 0; ticks < 100; ticks++) {
      solo.tick();
      if (ticks % 9 === 0) solo.step(2, MessageType.Heartbeat, { term: 1 });
      expect(ofType(solo.drain().messages, MessageType.RequestVote)).toEqual([]);
    }
  });
});

describe('heartbeats', () => {
  it.each([1, 2, 5])('go from a leader to every other member every %d ticks', (heartbeatTicks) => {
    const solo = new Solo({ heartbeatTicks, electionTimeoutTicks: 20 });
    solo.lead();
    const sentAt: number[] = [];
    for (let ticks = 1; ticks <= 10 * heartbeatTicks; ticks++) {
      solo.tick();
      const heartbeats = ofType(solo.drain().messages, MessageType.Heartbeat);
      if (heartbeats.length === 0) continue;
      expect(heartbeats.map(({ to }) => to).sort()).toEqual([2, 3]);
      sentAt.push(ticks);
    }
    expect(sentAt).toHaveLength(10);
    expect(sentAt.slice(1).every((at, i) => at - (sentAt[i] ?? 0) === heartbeatTicks)).toBe(true);
  });
});

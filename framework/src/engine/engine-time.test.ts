import { describe, expect, it } from '@jest/globals';
import { MessageType } from '@drakkar/raftio';
import { message, setUp, story } from './testing/engine-bench.js';

const { Heartbeat } = MessageType;

describe('the time of an Engine', () => {
  it('ticks every replica by one timer, but not one that is quiesced', () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    addReplica(1);
    addReplica(2).raft.isQuiesced = true;
    clock.advance(250);
    expect(story).toEqual(['1: tick', '1: tick']);
  });

  it('has every replica release memory when the host holds too much, idle ones too', () => {
    const { clock, engine, memory, addReplica } = setUp();
    engine.start();
    addReplica(1);
    addReplica(2).raft.isQuiesced = true;
    const other = memory.open();
    other.pin(2000);
    other.add(-900, 900);
    clock.advance(100);
    expect(story).toEqual(['1: shedMemory', '2: shedMemory', '1: tick']);
    other.close();
    clock.advance(100);
    expect(story.slice(3)).toEqual(['1: tick']);
  });

  it('does not even look at an idle replica, until something wakes it or a request waits', () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const { replica, raft } = addReplica(1);
    raft.isQuiesced = true;
    clock.advance(150);
    let looks = 0;
    Object.defineProperty(raft, 'isQuiesced', { get: () => ++looks > 0 });
    clock.advance(1000);
    expect(looks).toBe(0);
    const request = replica.read(engine.nowMs + 300);
    clock.advance(200);
    expect(request.outcome).toBeUndefined();
    clock.advance(100);
    expect(request.outcome).toBe('timeout');
    looks = 0;
    clock.advance(1000);
    expect(looks).toBe(0);
    replica.receive(message(1, Heartbeat));
    clock.advance(100);
    expect(story).toEqual(['1: readIndex', '1: step 17']);
    expect(looks).toBeGreaterThan(0);
  });

  it('ends a request by the time that has passed, and not by the number of ticks, when ticks are late', () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const { replica } = addReplica(1);
    const request = replica.read(engine.nowMs + 500);
    const later = replica.read(engine.nowMs + 2_000);
    const nowMs = clock.nowMs.bind(clock);
    clock.nowMs = () => nowMs() + 900; // the event loop was busy
    clock.advance(100);
    expect([request.outcome, later.outcome]).toEqual(['timeout', undefined]);
    clock.advance(900);
    expect(later.outcome).toBeUndefined();
    clock.advance(100);
    expect(later.outcome).toBe('timeout');
  });

  it('goes on ticking a replica that woke between two ticks', () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const { replica, raft } = addReplica(1);
    raft.isQuiesced = true;
    clock.advance(150);
    const { step } = raft;
    raft.step = (heartbeat) => {
      raft.isQuiesced = false;
      step(heartbeat);
    };
    replica.receive(message(1, Heartbeat));
    clock.advance(300);
    expect(story).toEqual(['1: step 17', '1: tick', '1: tick', '1: tick']);
  });

  it('lets no timer fire while every replica is idle, and has one again as soon as one wakes', async () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const atRest = clock.timerCount;
    const first = addReplica(1);
    const second = addReplica(2);
    first.raft.isQuiesced = true;
    clock.advance(100);
    expect(clock.timerCount).toBe(atRest + 1); // the other one ticks
    second.raft.isQuiesced = true;
    clock.advance(100);
    expect(clock.timerCount).toBe(atRest);
    const { nowTick } = engine;
    clock.advance(3_600_000);
    expect(engine.nowTick).toBe(nowTick);
    first.raft.isQuiesced = false;
    first.replica.receive(message(1, Heartbeat));
    clock.advance(300);
    expect(story.slice(-4)).toEqual(['1: step 17', '1: tick', '1: tick', '1: tick']);
    expect(engine.nowTick).toBe(nowTick + 3);
    await engine.stop();
    second.replica.receive(message(2, Heartbeat));
    addReplica(3);
    expect(clock.timerCount).toBe(0);
  });

  it('has replicas that sleep look for members that lack entries, now and then, by one timer', async () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const atRest = clock.timerCount;
    const { raft } = addReplica(1);
    const healthy = addReplica(2).raft;
    for (const core of [raft, healthy]) core.isQuiesced = true;
    raft.membersToSeek = [3, 4];
    clock.advance(100);
    expect(clock.timerCount).toBe(atRest + 1);
    clock.advance(9_999);
    expect(story).toEqual([]);
    clock.advance(1);
    expect(story).toEqual(['1: seek 3', '1: seek 4']);
    raft.membersToSeek = [4];
    clock.advance(20_200);
    expect(story.slice(2)).toEqual(['1: seek 4', '1: seek 4']);
    raft.membersToSeek = [];
    clock.advance(10_000);
    expect([clock.timerCount, story.length]).toEqual([atRest, 4]);
    raft.membersToSeek = [4];
    await engine.stop();
    expect(clock.timerCount).toBe(0);
  });

  it('notifies those who miss a member that its host is heard', () => {
    const { clock, engine, addReplica } = setUp();
    engine.start();
    const asleep = addReplica(1).raft;
    const lost = addReplica(2).raft;
    addReplica(3);
    asleep.isQuiesced = true;
    asleep.membersToSeek = [3, 4];
    lost.membersToSeek = [3];
    clock.advance(100);
    story.length = 0;
    engine.hostReachable((_, nodeID) => nodeID === 3);
    clock.runDeferred();
    expect(story.sort()).toEqual(['1: seek 3', '2: seek 3']);
  });

  it('has a replica that sleeps with a log that must not grow find out that there is room again', () => {
    const { clock, disk, engine, addReplica } = setUp();
    engine.start();
    const { raft } = addReplica(1);
    disk.level = 'short';
    clock.advance(100);
    raft.isQuiesced = true;
    clock.advance(1_000);
    expect(story).toEqual(expect.arrayContaining(['1: setLogStuck true', '1: the log must not grow']));
    expect(story).not.toContain('1: the log may grow');
    disk.level = 'ample';
    clock.advance(200);
    expect(story).toEqual(expect.arrayContaining(['1: setLogStuck false', '1: the log may grow']));
    const { length } = story;
    clock.advance(1_000);
    expect(story).toHaveLength(length);
  });
});

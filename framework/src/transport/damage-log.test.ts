import { describe, expect, it } from '@jest/globals';
import type { Damage } from '@drakkar/raftio';
import { type LogFields, silentLogger } from '../logging/logger.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { DamageLog } from './damage-log.js';

function setUp() {
  const clock = new ManualClock();
  const events: unknown[] = [];
  const lines: LogFields[] = [];
  const log = { ...silentLogger, error: (_message: string, fields: LogFields = {}) => lines.push(fields) };
  const sink = { emit: (name: string, event: unknown) => void events.push([name, event]) };
  return { clock, events, lines, damageLog: new DamageLog(sink, clock, log) };
}

const damage = (peer: string, from?: string): Damage => ({
  part: 'batch',
  peer,
  from,
  reason: 'it does not match',
});

describe('DamageLog', () => {
  it('notifies the listener each time, and logs once and then after pauses that double', () => {
    const { clock, events, lines, damageLog } = setUp();
    for (let second = 0; second < 100; second++) {
      damageLog.notice(damage(`10.0.0.1:${second}`, 'a:1'));
      clock.advance(1_000);
    }
    expect(events).toHaveLength(100);
    expect(events[0]).toEqual(['messageDamaged', { part: 'batch', peer: '10.0.0.1:0', address: 'a:1' }]);
    expect(lines.map(({ times }) => times)).toEqual([1, 10, 20, 40]);
  });

  it('logs damage that goes on and on once an hour at least', () => {
    const { clock, lines, damageLog } = setUp();
    for (let minute = 0; minute < 24 * 60; minute++) {
      damageLog.notice(damage('10.0.0.1:5'));
      clock.advance(60_000);
    }
    expect(lines.length).toBeGreaterThan(24);
    expect(lines.at(-1)).toMatchObject({ times: 60 });
  });

  it('logs each host by itself, by its network address when it said no other', () => {
    const { lines, damageLog } = setUp();
    for (const peer of ['10.0.0.1:5', '10.0.0.1:6', '10.0.0.2:5', '[::1]:5', '[::1]:6']) {
      damageLog.notice(damage(peer));
    }
    expect(lines.map(({ peer }) => peer)).toEqual(['10.0.0.1:5', '10.0.0.2:5', '[::1]:5']);
  });

  it('forgets the oldest of hosts without end', () => {
    const { lines, damageLog } = setUp();
    for (let i = 0; i <= 1_024; i++) damageLog.notice(damage('10.0.0.1:5', `a${i}:1`));
    damageLog.notice(damage('10.0.0.1:5', 'a1024:1'));
    damageLog.notice(damage('10.0.0.1:5', 'a0:1'));
    expect(lines).toHaveLength(1_026);
  });
});

import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { LimitedLogger } from './limited-logger.js';
import { type LogFields, silentLogger } from './logger.js';

function setUp(): { log: LimitedLogger; clock: ManualClock; lines: [string, LogFields | undefined][] } {
  const lines: [string, LogFields | undefined][] = [];
  const clock = new ManualClock();
  const warn = (message: string, fields?: LogFields): void => void lines.push([message, fields]);
  return { log: new LimitedLogger({ ...silentLogger, warn }, clock), clock, lines };
}

describe('LimitedLogger', () => {
  it('logs a message a few times, counts the rest, and reports the count with the next', () => {
    const { log, clock, lines } = setUp();
    for (let i = 0; i < 1_000; i++) log.warn('a batch was dropped', { i });
    expect(lines).toHaveLength(5);
    clock.advance(10_000);
    log.warn('a batch was dropped', { i: 7 });
    expect(lines[5]).toEqual(['a batch was dropped', { i: 7, suppressedBefore: 995 }]);
    log.warn('a batch was dropped', { i: 8 });
    expect(lines[6]).toEqual(['a batch was dropped', { i: 8 }]);
  });

  it('logs another message at once', () => {
    const { log, lines } = setUp();
    for (let i = 0; i < 1_000; i++) log.warn('a batch was dropped');
    log.warn('the certificate has expired');
    expect(lines.at(-1)?.[0]).toBe('the certificate has expired');
  });

  it('bounds fields, keeps them on one line, and puts an error without raw bytes under err', () => {
    const { log, lines } = setUp();
    const error = Object.assign(new TypeError('no\nway'), { code: 'HPE', rawPacket: Buffer.from('token') });
    log.warn('failed', { error, source: `${'A'.repeat(100_000)}\n`, bytes: Buffer.from('secret') });
    const fields = lines[0]?.[1] ?? {};
    expect(String(fields['source'])).toHaveLength(400);
    expect(fields['err']).toMatchObject({ name: 'TypeError', message: 'no?way', code: 'HPE' });
    expect(fields['err']).toHaveProperty('stack');
    expect(fields).not.toHaveProperty('error');
    expect(JSON.stringify(fields) + JSON.stringify(Object.entries(fields['err'] as object))).not.toMatch(
      /token|secret|116,111/,
    );
  });
});

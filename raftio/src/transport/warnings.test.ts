import { describe, expect, it } from '@jest/globals';
import { Warnings } from './warnings.js';

function setUp(): { warnings: Warnings; told: [string, Record<string, unknown>][] } {
  const told: [string, Record<string, unknown>][] = [];
  return { warnings: new Warnings((message, details) => told.push([message, details])), told };
}

describe('Warnings', () => {
  it('passes on a few of one cause, however its numbers change', () => {
    const { warnings, told } = setUp();
    for (let i = 0; i < 10_000; i++) warnings.warn('content', `10.0.0.${i}: malformed at ${i}`, {});
    expect(told).toHaveLength(3);
  });

  it('passes on another cause of the same kind at once', () => {
    const { warnings, told } = setUp();
    for (let i = 0; i < 10_000; i++) warnings.warn('handshake', 'not a handshake', {});
    warnings.warn('handshake', 'the certificate has expired', {});
    expect(told.at(-1)?.[0]).toBe('the certificate has expired');
  });

  it('passes on a bounded number, whatever causes a client makes up', () => {
    const { warnings, told } = setUp();
    for (let i = 0; i < 26 ** 2; i++) {
      warnings.warn('handshake', `${String.fromCharCode(103 + (i % 20))}${'xyz'.repeat(i)}`, {});
    }
    expect(told.length).toBeLessThanOrEqual(10);
    expect(Math.max(...told.map(([message]) => message.length))).toBeLessThanOrEqual(400);
  });

  it('passes on errors without the bytes of a client that they carry', () => {
    const { warnings, told } = setUp();
    const rawPacket = Buffer.from('Authorization: Bearer s3cr3t');
    warnings.warn('handshake', 'failed', { error: Object.assign(new Error('Parse Error'), { rawPacket }) });
    const { err } = told[0]?.[1] ?? {};
    expect(err).toMatchObject({ message: 'Parse Error' });
    expect(Object.keys(err as object)).not.toContain('rawPacket');
  });
});

import { describe, expect, it } from '@jest/globals';
import { Introductions } from './introductions.js';
import { Warnings } from './warnings.js';

function setUp(): { introductions: Introductions; warnings: string[] } {
  const warnings: string[] = [];
  const introductions = new Introductions('Here:1', new Warnings((message) => warnings.push(message)));
  return { introductions, warnings };
}

describe('Introductions', () => {
  it.each(['here:1', 'HERE:1', 'here.:1', 'here:01'])(
    'lets in who means this host and calls it %s',
    (name) => {
      const { introductions, warnings } = setUp();
      expect(introductions.refusalOf(name, 'a:1', '10.0.0.1')).toBeUndefined();
      expect(introductions.failureOf('x:1', name, 'Here:1')).toBeUndefined();
      expect(introductions.failureOf('x:1', '[0:0:0:0:0:0:0:1]:1', '[::1]:1')).toBeUndefined();
      expect(warnings).toEqual([]);
    },
  );

  it('refuses, reports and counts who means another, and an answer by another', () => {
    const { introductions, warnings } = setUp();
    expect(introductions.refusalOf('there:1', 'a:1', '10.0.0.1')).toBe('this host is Here:1, not there:1');
    expect(warnings).toEqual(['a client meant to reach there:1 was refused: this host is Here:1']);
    expect(introductions.failureOf('there:1', 'there:1', 'other:1')).toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      details: { target: 'there:1', expected: 'there:1', found: 'other:1' },
    });
    expect(introductions.counters).toMatchObject({ misdirectedClients: 1, misdirectedDials: 1 });
  });

  it('accepts and counts who says nothing', () => {
    const { introductions, warnings } = setUp();
    expect(introductions.refusalOf(undefined, undefined, '10.0.0.1')).toBeUndefined();
    expect(introductions.failureOf('there:1', 'there:1', undefined)).toBeUndefined();
    expect(introductions.counters).toMatchObject({ clientsWithoutHello: 1, hostsWithoutHello: 1 });
    expect(warnings).toEqual([]);
  });

  it('compares nothing where nobody is expected', () => {
    const { introductions } = setUp();
    expect(introductions.failureOf('relay:1', undefined, 'other:1')).toBeUndefined();
  });
});

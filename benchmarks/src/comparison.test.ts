import { describe, expect, it } from '@jest/globals';
import { check } from 'prettier';
import { type Comparison, renderComparison } from './comparison.js';
import { replaceBetween } from './markdown.js';

const row = (inflight: number) => ({
  inflight,
  writesPerSecond: 12_345.6,
  p50Ms: 1.23,
  p99Ms: 45.67,
  failures: 0,
  leaderCpuMicrosPerWrite: 78.9,
  followerCpuMicrosPerWrite: 45.6,
  diskBytesPerWrite: 321.4,
});

const COMPARISON: Comparison = {
  facts: {
    node: 'v20.19.0',
    platform: 'linux x64',
    cpu: 'a processor',
    cpuCount: 2,
    fileSystemType: 'ef53',
    syncP50Ms: 0.5,
    syncP99Ms: 2,
  },
  seconds: 5,
  load: 256,
  payloadBytes: 128,
  adapters: [
    { kind: 'logdb', name: 'lmdb', installSizeBytes: 3_456_789 },
    { kind: 'transport', name: 'ws', installSizeBytes: 234_567, mutualTLS: true },
    { kind: 'transport', name: 'quic', failure: 'no native code' },
  ],
  pairs: [
    { logdb: 'lmdb', transport: 'ws', tls: true, result: { alone: row(1), loaded: row(256) } },
    { logdb: 'lmdb', transport: 'quic', tls: false, isMissing: true },
    { logdb: 'lmdb', transport: 'grpc', tls: true, failure: 'it did not start' },
  ],
};

describe('renderComparison', () => {
  const text = renderComparison(COMPARISON);
  const cells = (start: string): string[] =>
    (text.split('\n').find((line) => line.startsWith(start)) ?? '').split('|').map((cell) => cell.trim());

  it('has a row for each pair, with its figures', () => {
    expect(cells('| lmdb  | ws').slice(1, -1)).toEqual([
      'lmdb',
      'ws',
      'on',
      '12,346',
      '1.2',
      '45.7',
      '1.23',
      '79',
      '46',
      '321',
    ]);
  });

  it('never shows a figure for what was not measured', () => {
    expect(cells('| lmdb  | quic').slice(3, 6)).toEqual(['off', 'not installed', '']);
    expect(cells('| lmdb  | grpc').slice(3, 6)).toEqual(['on', 'failed', '']);
    expect(cells('| transport | quic').slice(3, 5)).toEqual(['not installed', '']);
    expect(text).toContain('\n- quic is not installed: no native code\n');
    expect(text).toMatch(/\n- lmdb with grpc and TLS failed: it did not start$/);
  });

  it('reports what each adapter takes up, and whether it has TLS', () => {
    expect(cells('| logdb ').slice(1, 5)).toEqual(['logdb', 'lmdb', '3.5 MB', '']);
    expect(cells('| transport | ws').slice(3, 5)).toEqual(['0.2 MB', 'yes']);
  });

  it('is Markdown as the formatter wants it', async () => {
    const document = replaceBetween(
      '# A\n\n<!-- b -->\n\nold\n\n<!-- e -->\n',
      '<!-- b -->',
      '<!-- e -->',
      text,
    );
    expect(document).not.toContain('old');
    expect(await check(document, { parser: 'markdown', printWidth: 110 })).toBe(true);
    expect(await check(`${document}\n\n\n`, { parser: 'markdown', printWidth: 110 })).toBe(false);
  });
});

describe('replaceBetween', () => {
  it('can be repeated', () => {
    const once = replaceBetween('a <b> c <e> d', '<b>', '<e>', 'x');
    expect(once).toBe('a <b>\n\nx\n\n<e> d');
    expect(replaceBetween(once, '<b>', '<e>', 'x')).toBe(once);
  });

  it('refuses a document without its markers, or with them the other way round', () => {
    expect(() => replaceBetween('a', '<b>', '<e>', 'x')).toThrow(/<b>/);
    expect(() => replaceBetween('<e> <b>', '<b>', '<e>', 'x')).toThrow(/<e>/);
  });
});

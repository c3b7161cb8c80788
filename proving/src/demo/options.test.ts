import { describe, expect, it } from '@jest/globals';
import { parseDemoOptions } from './options.js';

describe('parseDemoOptions', () => {
  it('has defaults', () => {
    expect(parseDemoOptions([])).toEqual({
      seconds: 20,
      clients: 48,
      payloadBytes: 16,
      nodes: 3,
      logdb: 'lmdb',
      transport: 'ws',
      tls: false,
      dataDir: undefined,
      keep: false,
      json: false,
    });
  });

  it('takes what it is given', () => {
    const args = [
      '--seconds=7',
      '--nodes',
      '5',
      '--keep',
      '--data-dir',
      '/x',
      '--logdb',
      './mine.js',
      '--tls',
    ];
    expect(parseDemoOptions(args)).toMatchObject({
      seconds: 7,
      nodes: 5,
      keep: true,
      dataDir: '/x',
      logdb: './mine.js',
      tls: true,
    });
    expect(parseDemoOptions(['--help'])).toBeUndefined();
  });

  it.each([
    [['--seconds', '2'], '--seconds must be a whole number from 5 to 3600, found "2"'],
    [['--seconds', 'soon'], 'found "soon"'],
    [['--clients', '1.5'], '--clients must be'],
    [['--nodes', '2'], '--nodes must be a whole number from 3 to 9'],
    [['--payload', ''], '--payload must be'],
    [['--logdb', ' '], '--logdb must name a module'],
    [['--colour'], "Unknown option '--colour'"],
    [['5'], 'Unexpected argument'],
    [['--data-dir'], '--data-dir'],
  ])('refuses %j', (args, message) => {
    expect(() => parseDemoOptions(args)).toThrow(message);
  });
});

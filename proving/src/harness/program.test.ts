import { describe, expect, it } from '@jest/globals';
import { UsageError } from './options.js';
import { parseProgramOptions, seedOption } from './program.js';

const program = { numbers: { rounds: { default: 10, min: 1, max: 20 }, seed: seedOption('decides') } };

describe('parseProgramOptions', () => {
  it('has defaults', () => {
    expect(parseProgramOptions(program, [])).toEqual({
      numbers: { rounds: 10, seed: program.numbers.seed.default },
      parts: { logdb: 'lmdb', transport: 'ws', tls: false },
      dataDir: undefined,
    });
  });

  it('takes what it is given', () => {
    const args = ['--rounds', '20', '--seed=0', '--logdb=leveldb', '--tls', '--data-dir', '/x'];
    expect(parseProgramOptions(program, args)).toEqual({
      numbers: { rounds: 20, seed: 0 },
      parts: { logdb: 'leveldb', transport: 'ws', tls: true },
      dataDir: '/x',
    });
    expect(parseProgramOptions(program, ['--help'])).toBeUndefined();
  });

  it.each([['--rounds=0'], ['--rounds=21'], ['--rounds=x'], ['--nodes=3'], ['--logdb='], ['rounds']])(
    'refuses %s',
    (...args) => {
      expect(() => parseProgramOptions(program, args)).toThrow(UsageError);
    },
  );
});

import { describe, expect, it } from '@jest/globals';
import { type Job } from './jobs.js';
import { parseOptions } from './options.js';

function adapters(jobs: readonly Job[]): unknown[] {
  return jobs.map((job) =>
    job.kind === 'adapter' ? [job.adapter.kind, job.adapter.name, job.adapter.specifier] : job.kind,
  );
}

describe('the command line', () => {
  it('runs everything when nothing is named', () => {
    const { jobs } = parseOptions([]);
    expect(adapters(jobs)).toEqual(
      expect.arrayContaining(['mutants', ['logdb', 'logdb-lmdb', '@drakkar/logdb-lmdb']]),
    );
    expect(adapters(parseOptions(['--no-mutants']).jobs)).not.toContain('mutants');
  });

  it('takes an adapter by path, package name or short name', () => {
    expect(adapters(parseOptions(['logdb', './mine.js']).jobs)).toEqual([
      ['logdb', './mine.js', './mine.js'],
    ]);
    expect(adapters(parseOptions(['rpc', 'one', 'two']).jobs)).toEqual([
      ['transport', 'one', 'one'],
      ['transport', 'two', 'two'],
    ]);
    expect(adapters(parseOptions(['logdb', 'lmdb']).jobs)).toEqual([
      ['logdb', 'logdb-lmdb', '@drakkar/logdb-lmdb'],
    ]);
  });

  it('takes a path without a leading dot, where there is no such package', () => {
    expect(adapters(parseOptions(['logdb', 'package.json']).jobs)).toEqual([
      ['logdb', 'package.json', './package.json'],
    ]);
  });

  it('takes a patience from 1 to 10', () => {
    expect(parseOptions([])).toMatchObject({ patience: 1 });
    expect(parseOptions(['--patience', '4'])).toMatchObject({ patience: 4 });
    for (const wrong of ['0', '11', 'long'])
      expect(() => parseOptions(['--patience', wrong])).toThrow(/from 1 to 10/);
  });

  it('takes a share, by a seed of its own or that of the day', () => {
    expect(parseOptions(['--share', '40', '--seed', '9'])).toMatchObject({
      share: { percent: 40, seed: 9 },
      seed: 9,
    });
    const { share, seed, jobs } = parseOptions(['--share', '40']);
    expect(seed).toBe(share?.seed);
    expect(jobs.length).toBeLessThan(parseOptions([]).jobs.length);
    expect(() => parseOptions(['--share', '0'])).toThrow(/takes a percentage/);
  });

  it('gives options to the adapter', () => {
    const { adapterOptions } = parseOptions(['rpc', 'x', '--options', '{"a":1}', '--engine', 'fast']);
    expect(adapterOptions).toEqual({ a: 1, engine: 'fast' });
  });

  it.each([
    [['tables', './x.js'], /no command "tables"/],
    [['rpc'], /needs a package name or a path/],
    [['rpc', 'logdb-lmdb'], /is a logdb, not a transport/],
    [['--adapter', 'nobody'], /no adapter "nobody"/],
    [['--case', 'LDB-NONE-1'], /no case LDB-NONE-1/],
    [['--seed', 'x'], /--seed takes a number/],
    [['rpc', 'x', '--options', '[1]'], /--options takes a JSON object/],
    [['--engine', 'fast'], /need an adapter/],
  ])('refuses %j', (args, reason) => {
    expect(() => parseOptions(args)).toThrow(reason);
  });
});

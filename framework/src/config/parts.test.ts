import { describe, expect, it } from '@jest/globals';
import { isWildcardHost, parseAddress } from './address.js';
import { formatPath, showValue } from './findings.js';
import { clonePlain, isPlainObject } from './plain.js';
import { compileAdapterSchema } from './schema-check.js';
import { suggest } from './suggest.js';

describe('parseAddress', () => {
  it.each([
    ['10.0.0.1:63001', '10.0.0.1', 63001],
    ['localhost:1', 'localhost', 1],
    ['node_1.example.com.:65535', 'node_1.example.com.', 65535],
    ['[::1]:63001', '::1', 63001],
    ['[fe80::1%eth0]:1', 'fe80::1%eth0', 1],
  ])('%s', (text, host, port) => {
    expect(parseAddress(text)).toEqual({ host, port });
  });

  it.each([
    '',
    'node',
    ':1',
    'node:',
    'node:0',
    'node:01',
    'node:65536',
    'node:1x',
    'no de:1',
    '::1:63001',
    '[node]:1',
    '[::1]',
    '-a:1',
    'a-:1',
    'a..b:1',
    '256.1.1.1:1',
    '1.2.3:1',
    `${'a'.repeat(64)}:1`,
    'http://a:1',
    'a:1/',
  ])('refuses %j', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it.each([
    ['0.0.0.0', true],
    ['::', true],
    ['0:0:0:0:0:0:0:0', true],
    ['::1', false],
    ['10.0.0.0', false],
    ['node', false],
  ])('isWildcardHost(%s) is %s', (host, expected) => {
    expect(isWildcardHost(host)).toBe(expected);
  });
});

describe('suggest', () => {
  const KEYS = ['raftAddress', 'nodeHostDir', 'walDir', 'ws', 'grpc', 'warn'];
  it.each([
    ['RaftAddress', 'raftAddress'],
    ['raft-adress', 'raftAddress'],
    ['NODE_HOST_DIR', 'nodeHostDir'],
    ['nodeDir', undefined],
    ['waldir', 'walDir'],
    ['wss', 'ws'],
    ['gprc', 'grpc'],
    ['wran', 'warn'],
    ['x', undefined],
    ['', undefined],
    ['__', undefined],
    ['somethingElse', undefined],
    ['ws', undefined],
  ])('%j: %j', (word, expected) => {
    expect(suggest(word, KEYS)).toBe(expected);
  });
});

describe('formatPath and showValue', () => {
  it('writes a path as one would in code', () => {
    expect(formatPath(['a', 0, 'b', 'c d', '@x/y'])).toBe('a[0].b["c d"].@x/y');
    expect(formatPath([])).toBe('');
  });

  it('shows any value, at a bounded length', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const values = [1n, undefined, NaN, null, 'a', () => 1, circular, { a: [1] }, Symbol('s')];
    expect(values.map(showValue)).toEqual([
      '1n',
      'undefined',
      'NaN',
      'null',
      '"a"',
      'a function',
      'a value of type object',
      '{"a":[1]}',
      'a symbol',
    ]);
    expect(showValue('x'.repeat(1000))).toHaveLength(81);
  });
});

describe('clonePlain', () => {
  it('does not let a key of the input become a prototype', () => {
    const hostile: unknown = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
    const copy = clonePlain(hostile) as Record<string, unknown>;
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(copy['polluted']).toBeUndefined();
    expect(Object.keys(copy)).toEqual(['__proto__', 'a']);
  });

  it('shares instances of classes', () => {
    const instance = new Map();
    expect((clonePlain({ instance }) as { instance: unknown }).instance).toBe(instance);
    expect([
      isPlainObject({}),
      isPlainObject(Object.create(null)),
      isPlainObject(instance),
      isPlainObject([]),
    ]).toEqual([true, true, false, false]);
  });
});

describe("an adapter's schema", () => {
  const check = compileAdapterSchema({
    type: 'object',
    additionalProperties: false,
    required: ['dir'],
    properties: {
      dir: { type: 'string', minLength: 1 },
      mode: { enum: ['sync', 'async'], default: 'sync' },
      sizeBytes: { type: 'integer', multipleOf: 4096, exclusiveMinimum: 0 },
      name: { type: 'string', pattern: '^[a-z]+$' },
      shards: { type: 'array', items: { type: 'object', properties: { 'a/b': { type: 'number' } } } },
      nested: { oneOf: [{ type: 'string' }, { type: 'integer' }] },
    },
  });
  const told = (value: unknown): string[] =>
    check(value, ['logdb', 'options']).map(({ segments, message, suggestion }) =>
      [formatPath(segments), message, suggestion].filter((part) => part !== undefined).join(' | '),
    );

  it('fills defaults in', () => {
    const options = { dir: 'x' };
    expect(told(options)).toEqual([]);
    expect(options).toEqual({ dir: 'x', mode: 'sync' });
  });

  it('has its mistakes reported with the whole path', () => {
    expect(
      told({
        mode: 'snyc',
        sizeBytes: 5000,
        name: 'A1',
        shards: [{}, { 'a/b': 'x' }],
        nested: true,
        dri: '',
      }),
    ).toEqual([
      'logdb.options.dir | required, but missing; must be a string that is not empty',
      'logdb.options.dri | unknown key | dir',
      'logdb.options.mode | must be one of: sync, async, but is "snyc" | sync',
      'logdb.options.sizeBytes | must be multiple of 4096, but is 5000',
      'logdb.options.name | must match pattern "^[a-z]+$", but is "A1"',
      'logdb.options.shards[1].a/b | must be a number, but is "x"',
      'logdb.options.nested | must be a string, but is true',
      'logdb.options.nested | must match exactly one schema in oneOf, but is true',
    ]);
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { hasErrorCode } from '@drakkar/raftio';
import { DEFAULT_SOFT_SETTINGS } from './soft-schema.js';
import { loadNodeHostConfig } from './load.js';
import type { NodeHostConfigInput } from './node-host-config.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-config-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const MINIMAL = { raftAddress: 'node-1:63001', nodeHostDir: 'data' };

/** The message of the error, with the folder of the test taken out. */
async function mistakes(input: unknown): Promise<string> {
  try {
    await loadNodeHostConfig(input as NodeHostConfigInput, { baseDir: dir });
  } catch (error) {
    if (!hasErrorCode(error, 'ERR_INVALID_CONFIG')) throw error;
    return (error as Error).message.replaceAll(dir, '<dir>');
  }
  throw new Error('accepted');
}

async function fromFile(text: string, name = 'raft.yaml'): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, text);
  return path;
}

describe('a configuration that is right', () => {
  it('gets every default, and absolute paths', async () => {
    const { config, source, warnings } = await loadNodeHostConfig(MINIMAL, { baseDir: dir });
    expect(config).toEqual({
      raftAddress: 'node-1:63001',
      listenAddress: 'node-1:63001',
      nodeHostDir: join(dir, 'data'),
      walDir: join(dir, 'data'),
      rttMillisecond: 100,
      deploymentId: 1,
      mutualTls: false,
      caFile: undefined,
      certFile: undefined,
      keyFile: undefined,
      logdb: { module: 'lmdb', options: {} },
      transport: { module: 'ws', options: {} },
      masterServers: [],
      maxSendQueueSize: 64 * 1024 * 1024,
      maxReceiveQueueSize: 64 * 1024 * 1024,
      log: { level: 'info', modules: {} },
      settings: DEFAULT_SOFT_SETTINGS,
      hardSettings: { lruMaxSessionCount: 4096 },
    });
    expect(source).toBe('object');
    expect(warnings).toEqual([]);
  });

  it('is frozen all through, and the given object is left as it was', async () => {
    const input = { ...MINIMAL, logdb: { options: { a: { b: 1 } } } };
    const { config } = await loadNodeHostConfig(input, { baseDir: dir });
    expect(input).toEqual({ ...MINIMAL, logdb: { options: { a: { b: 1 } } } });
    for (const part of [
      config,
      config.settings,
      config.log.modules,
      config.logdb.options['a'],
      config.masterServers,
    ]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  it('comes from YAML, with paths relative to the file', async () => {
    const path = await fromFile(`
# a comment
raftAddress: "[::1]:63001"
listenAddress: 0.0.0.0:63001
nodeHostDir: ./data
walDir: /fast/wal
rttMillisecond: 20
log:
  level: warn
  modules: { raft: debug }
settings:
`);
    const { config, source, baseDir } = await loadNodeHostConfig(path);
    expect(config).toMatchObject({
      raftAddress: '[::1]:63001',
      listenAddress: '0.0.0.0:63001',
      nodeHostDir: join(dir, 'data'),
      walDir: '/fast/wal',
      rttMillisecond: 20,
      log: { level: 'warn', modules: { raft: 'debug' } },
      settings: DEFAULT_SOFT_SETTINGS,
    });
    expect(source).toBe(path);
    expect(baseDir).toBe(dir);
  });

  it('comes from JSON', async () => {
    const path = await fromFile(
      `${JSON.stringify({ ...MINIMAL, deploymentId: 9 }, null, '\t')}\n`,
      'raft.json',
    );
    expect((await loadNodeHostConfig(path)).config.deploymentId).toBe(9);
  });

  it('may hold an adapter module itself, which is passed on as it is', async () => {
    const module = {
      kind: 'logdb',
      name: 'mine',
      optionsSchema: {},
      capabilities: {},
      create: () => ({}),
    };
    const input = { ...MINIMAL, logdb: { module, options: {} } } as unknown as NodeHostConfigInput;
    const { config } = await loadNodeHostConfig(input);
    expect(config.logdb.module).toBe(module);
    expect(Object.isFrozen(module)).toBe(false);
  });

  it('takes a key without a value for one left out', async () => {
    const input = { ...MINIMAL, walDir: undefined, caFile: null } as unknown as NodeHostConfigInput;
    expect((await loadNodeHostConfig(input, { baseDir: dir })).config.walDir).toBe(join(dir, 'data'));
  });

  it('keeps a null among the options of an adapter', async () => {
    const input = { ...MINIMAL, logdb: { options: { cache: null } } };
    expect((await loadNodeHostConfig(input)).config.logdb.options).toEqual({ cache: null });
  });

  it('names, with mutual TLS, three files that can be read', async () => {
    for (const name of ['ca', 'cert', 'key']) await writeFile(join(dir, `${name}.pem`), '');
    const tls = { mutualTls: true, caFile: 'ca.pem', certFile: './cert.pem', keyFile: join(dir, 'key.pem') };
    const { config } = await loadNodeHostConfig({ ...MINIMAL, ...tls }, { baseDir: dir });
    expect([config.caFile, config.certFile, config.keyFile]).toEqual(
      ['ca', 'cert', 'key'].map((name) => join(dir, `${name}.pem`)),
    );
  });

  it('is warned of what has no effect, or a bad one', async () => {
    const input = { ...MINIMAL, caFile: 'ca.pem', maxSendQueueSize: 2 ** 20 };
    expect((await loadNodeHostConfig(input)).warnings).toEqual([
      { path: 'caFile', message: 'has no effect, since mutualTls is not true' },
      {
        path: 'maxSendQueueSize',
        message: 'is 1048576, less than twice the largest proposal (67108864); large proposals will be slow',
      },
    ]);
  });
});

const ADDRESS = 'host:port, as in "10.0.0.1:63001", "node-1.example.com:63001" or "[::1]:63001"';
const CERTIFICATE_RULE = 'required when mutualTls is true, but missing';

describe('a configuration with mistakes', () => {
  it.each<[string, unknown, string[]]>([
    [
      'nothing',
      {},
      [
        `raftAddress: required, but missing; must be ${ADDRESS}`,
        'nodeHostDir: required, but missing; must be a path, absolute or relative to the configuration file',
      ],
    ],
    ['no mapping', [], ['must be a mapping of keys to values, but is []']],
    ['null', null, ['must be a mapping of keys to values, but is null']],
    [
      'misspelt keys',
      {
        ...MINIMAL,
        rttMilisecond: 1,
        log: { lvel: 'info' },
        settings: { max_batch_bytes: 1 },
        MutualTLS: true,
      },
      [
        'rttMilisecond: unknown key; did you mean "rttMillisecond"?',
        'MutualTLS: unknown key; did you mean "mutualTls"?',
        'log.lvel: unknown key; did you mean "level"?',
        'settings.max_batch_bytes: unknown key; did you mean "maxBatchBytes"?',
      ],
    ],
    [
      'a key like no other',
      { ...MINIMAL, hardSettings: { 'a b': 1 } },
      ['hardSettings["a b"]: unknown key; known are: lruMaxSessionCount'],
    ],
    [
      'wrong types and ranges',
      {
        ...MINIMAL,
        rttMillisecond: 0,
        deploymentId: '7',
        mutualTls: 'yes',
        masterServers: 'a:1',
        logdb: 'lmdb',
      },
      [
        'rttMillisecond: must be an integer from 1 to 60000, but is 0',
        'deploymentId: must be an integer from 1 to 9007199254740991, but is "7"',
        'mutualTls: must be true or false, but is "yes"',
        'logdb: must be an object, but is "lmdb"',
        'masterServers: must be a list, but is "a:1"',
      ],
    ],
    [
      'a fraction',
      { ...MINIMAL, rttMillisecond: 1.5 },
      ['rttMillisecond: must be an integer from 1 to 60000, but is 1.5'],
    ],
    [
      'an empty path',
      { ...MINIMAL, nodeHostDir: '' },
      ['nodeHostDir: must be a path, absolute or relative to the configuration file, but is ""'],
    ],
    [
      'levels that are none',
      { ...MINIMAL, log: { level: 'wran', modules: { raft: 'off', rfat: 'info' } } },
      [
        'log.level: must be one of: debug, info, warn, error, silent, but is "wran"; did you mean "warn"?',
        'log.modules.rfat: unknown key; did you mean "raft"?',
        'log.modules.raft: must be one of: debug, info, warn, error, silent, but is "off"',
      ],
    ],
    [
      'addresses that are none',
      { ...MINIMAL, raftAddress: 'node-1', listenAddress: 'a:70000', masterServers: ['ok:1', '1.2.3.4.5:1'] },
      [
        `raftAddress: must be ${ADDRESS}, but is "node-1"`,
        `listenAddress: must be ${ADDRESS}, but is "a:70000"`,
        `masterServers[1]: must be ${ADDRESS}, but is "1.2.3.4.5:1"`,
      ],
    ],
    [
      'a raftAddress that nobody can reach',
      { ...MINIMAL, raftAddress: '0.0.0.0:63001' },
      [
        'raftAddress: must be an address that other hosts can reach, but is "0.0.0.0:63001"; to listen on every interface, set listenAddress to it',
      ],
    ],
    [
      'mutual TLS without its files',
      { ...MINIMAL, mutualTls: true, certFile: 'none.pem' },
      [
        `caFile: ${CERTIFICATE_RULE}`,
        `keyFile: ${CERTIFICATE_RULE}`,
        'certFile: must be a file, but there is none at "<dir>/none.pem"',
      ],
    ],
    [
      'settings that contradict each other',
      {
        ...MINIMAL,
        settings: {
          maxReplicateBytes: 8192,
          maxInflightBytes: 4096,
          breakerMinBackoffMs: 20,
          breakerMaxBackoffMs: 10,
        },
      },
      [
        'settings.maxInflightBytes: must be at least settings.maxReplicateBytes (8192), but is 4096',
        'settings.breakerMaxBackoffMs: must be at least settings.breakerMinBackoffMs (20), but is 10',
      ],
    ],
    [
      'a module that is no name',
      { ...MINIMAL, logdb: { module: 7 } },
      ['logdb.module: must be a short name, a package name, a path, or in code an adapter module, but is 7'],
    ],
    [
      'the same server twice',
      { ...MINIMAL, masterServers: ['a:1', 'a:1'] },
      ['masterServers: must NOT have duplicate items (items ## 1 and 0 are identical), but is ["a:1","a:1"]'],
    ],
  ])('%s: every one is reported', async (_, input, expected) => {
    const count = expected.length === 1 ? '1 mistake' : `${expected.length} mistakes`;
    expect(await mistakes(input)).toBe(
      [`${count} in the configuration of the NodeHost:`, ...expected.map((line) => `  - ${line}`)].join('\n'),
    );
  });

  it('a certificate that is a folder, or is not there', async () => {
    await mkdir(join(dir, 'ca'));
    await writeFile(join(dir, 'cert'), '');
    const message = await mistakes({
      ...MINIMAL,
      mutualTls: true,
      caFile: 'ca',
      certFile: 'cert',
      keyFile: 'ca/key',
    });
    expect(message).toContain('caFile: must be a file, but "<dir>/ca" is a directory');
    expect(message).toContain('keyFile: must be a file, but there is none at "<dir>/ca/key"');
    expect(message).not.toContain('certFile');
  });

  it('gives the problems as data too', async () => {
    await expect(loadNodeHostConfig({ ...MINIMAL, rttMs: 1 } as NodeHostConfigInput)).rejects.toMatchObject({
      code: 'ERR_INVALID_CONFIG',
      kind: 'fix',
      problems: [{ path: 'rttMs', message: expect.stringMatching(/^unknown key/) as unknown as string }],
    });
  });
});

describe('a file with mistakes', () => {
  it('reports each with its line', async () => {
    const path = await fromFile(`raftAddress: node-1:63001
log:
  level: verbose
masterServers:
  - a:1
  - b
settings: { maxBatchBites: 1 }
`);
    expect(await mistakes(path)).toBe(
      `4 mistakes in the configuration of the NodeHost in <dir>/raft.yaml:
  - nodeHostDir: required, but missing; must be a path, absolute or relative to the configuration file
  - line 3, column 3: log.level: must be one of: debug, info, warn, error, silent, but is "verbose"
  - line 7, column 13: settings.maxBatchBites: unknown key; did you mean "maxBatchBytes"?
  - line 6, column 5: masterServers[1]: must be ${ADDRESS}, but is "b"`,
    );
  });

  it.each([
    ['a: [1, 2\nb: 3', /^\d+ mistakes? in the syntax of <dir>\/raft\.yaml:\n {2}- line \d, column \d+: /],
    ['raftAddress: a:1\nraftAddress: b:1\n', /line 2, column 1: Map keys must be unique/],
    ['raftAddress: a:1\n\tnodeHostDir: x\n', /line 2, column 1: /],
    ['{"raftAddress": "a:1",, }', /syntax of <dir>\/raft\.yaml/],
    ['raftAddress: !secret a', /line 1, column 14: Unresolved tag: !secret/],
    ['a: 1\n---\nb: 2\n', /syntax of <dir>\/raft\.yaml:\n {2}- line 2, column 1: /],
  ])('syntax: %j', async (text, expected) => {
    expect(await mistakes(await fromFile(text))).toMatch(expected);
  });

  it('an alias bomb is refused', async () => {
    const lines = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [name, of] of ['ba', 'cb', 'dc', 'ed', 'fe']) {
      lines.push(
        `${name ?? ''}: &${name ?? ''} [${Array<string>(10)
          .fill(`*${of ?? ''}`)
          .join(', ')}]`,
      );
    }
    expect(await mistakes(await fromFile(lines.join('\n')))).toMatch(/Excessive alias count/);
  });

  it.each([
    ['', 'must be a mapping of keys to values, but is null'],
    ['just text', 'must be a mapping of keys to values, but is "just text"'],
  ])('content %j', async (text, expected) => {
    expect(await mistakes(await fromFile(text))).toContain(expected);
  });

  it('is refused when it is not there, a folder, or not text', async () => {
    expect(await mistakes(join(dir, 'none.yaml'))).toMatch(
      /^1 mistake in the configuration of the NodeHost in <dir>\/none\.yaml:\n {2}- the file can't be read: ENOENT/,
    );
    expect(await mistakes(dir)).toMatch(/can't be read: EISDIR/);
    await writeFile(join(dir, 'latin1.yaml'), Buffer.from([0x61, 0xff, 0xfe]));
    expect(await mistakes(join(dir, 'latin1.yaml'))).toMatch(/can't be read: .*encoded/);
  });
});

import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { IFileSystem } from '../fs/file-system.js';
import { NodeFileSystem } from '../fs/node-file-system.js';
import { SeededRandom } from '../runtime/random.js';
import { type DataDirServices, identityOf, openDataDir, readStatus } from './data-dir.js';
import {
  type Replacement,
  checkSameHost,
  commitReplacement,
  isReplaced,
  prepareReplacement,
  removeReplaced,
} from './replacement.js';
import { SocketDirectoryLock } from './socket-lock.js';

const CONTENT = 'content';

interface Side {
  logDBName: string;
  walDir?: string;
}

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'drakkar-replacement-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

function services({ logDBName, walDir }: Side): DataDirServices {
  const nodeHostDir = join(root, 'host');
  return {
    config: {
      raftAddress: 'a:1',
      nodeHostDir,
      walDir: walDir === undefined ? nodeHostDir : join(root, walDir),
      deploymentId: 1,
      hardSettings: { lruMaxSessionCount: 4096 },
    },
    logDBName,
    fileSystem: new NodeFileSystem(),
    directoryLock: new SocketDirectoryLock(),
    random: new SeededRandom(1),
  };
}

/** A file system that ends, as by a crash, before a change that is counted. */
function failingFrom(change: number): { fs: IFileSystem; changes: () => number } {
  const inner = new NodeFileSystem();
  let changes = 0;
  const counted = new Set<PropertyKey>(['open', 'makeDir', 'rename', 'remove', 'syncDir']);
  const fs = new Proxy<IFileSystem>(inner, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]): unknown => {
        if (counted.has(name)) changes++;
        if (changes > change) return Promise.reject(new Error('crash'));
        return Reflect.apply(method, target, args);
      };
    },
  });
  return { fs, changes: () => changes };
}

/** Makes a data directory whose LogDB is one file in each of its folders. */
async function makeHost(side: Side): Promise<void> {
  await rm(root, { recursive: true });
  await mkdir(root);
  const dataDir = await openDataDir(services(side));
  for (const dir of [dataDir.logdbDir, dataDir.walDir]) await writeFile(join(dir, CONTENT), side.logDBName);
  await dataDir.close();
}

/** What a host with that configuration finds; the code of the error when it is refused. */
async function found(side: Side): Promise<string> {
  try {
    const dataDir = await openDataDir(services(side));
    try {
      const read = (dir: string): Promise<string> => readFile(join(dir, CONTENT), 'utf8');
      const [main, wal] = await Promise.all([read(dataDir.logdbDir), read(dataDir.walDir)]);
      return main === wal ? main : `${main} and ${wal}`;
    } finally {
      await dataDir.close();
    }
  } catch (error) {
    return (error as { code: string }).code;
  }
}

async function replacementOf(from: Side, to: Side, fileSystem: IFileSystem): Promise<Replacement> {
  const { config } = services(from);
  const status = await readStatus(new NodeFileSystem(), config.nodeHostDir);
  if (status === undefined) throw new Error('no record');
  const target = services(to);
  return { fileSystem, status, from: config, to: target.config, host: identityOf(target) };
}

async function finish(replacement: Replacement): Promise<void> {
  const status = await readStatus(replacement.fileSystem, replacement.to.nodeHostDir);
  if (status === undefined) throw new Error('no record');
  await removeReplaced({ ...replacement, status });
}

/** What the command does, with files for LogDBs. */
async function replace(from: Side, to: Side, fileSystem: IFileSystem): Promise<void> {
  const replacement = await replacementOf(from, to, fileSystem);
  if (!isReplaced(replacement)) {
    const layout = await prepareReplacement(replacement);
    for (const dir of [layout.logdbDir, layout.walDir]) await writeFile(join(dir, CONTENT), to.logDBName);
    await commitReplacement(replacement);
  }
  await finish(replacement);
}

async function foldersIn(name: string): Promise<string[]> {
  const names = await readdir(join(root, name)).catch(() => []);
  return names.filter((each) => /^(logdb|wal)/.test(each)).sort();
}

const ways: [string, Side, Side][] = [
  ['without a walDir', { logDBName: 'old' }, { logDBName: 'new' }],
  ['with the same walDir', { logDBName: 'old', walDir: 'wal' }, { logDBName: 'new', walDir: 'wal' }],
  ['to a walDir', { logDBName: 'old' }, { logDBName: 'new', walDir: 'wal' }],
  ['from a walDir', { logDBName: 'old', walDir: 'wal' }, { logDBName: 'new' }],
  ['from one walDir to another', { logDBName: 'old', walDir: 'wal' }, { logDBName: 'new', walDir: 'wal2' }],
];

describe.each(ways)('a LogDB that takes the place of another, %s', (_name, from, to) => {
  it('leaves nothing of the old one', async () => {
    await makeHost(from);
    await replace(from, to, new NodeFileSystem());
    expect(await found(to)).toBe('new');
    expect(await found(from)).toMatch(/^ERR_/);
    expect(await foldersIn('host')).toEqual(['logdb-1']);
    const walDirs = { wal: await foldersIn('wal'), wal2: await foldersIn('wal2') };
    expect(walDirs).toEqual({
      wal: [],
      wal2: [],
      ...(to.walDir === undefined ? {} : { [to.walDir]: ['wal-1'] }),
    });
  });

  it('is there or is not, wherever a crash comes, and can be put there after it', async () => {
    await makeHost(from);
    const counting = failingFrom(Infinity);
    await replace(from, to, counting.fs);
    const changes = counting.changes();
    expect(changes).toBeGreaterThan(7);
    const seen = new Set<string>();
    for (let change = 0; change < changes; change++) {
      await makeHost(from);
      await expect(replace(from, to, failingFrom(change).fs)).rejects.toThrow('crash');
      const [asOld, asNew] = [await found(from), await found(to)];
      seen.add(asOld === 'old' ? 'old' : 'new');
      if (asOld === 'old')
        expect({ change, asNew }).toEqual({ change, asNew: expect.stringMatching(/^ERR_/) });
      else
        expect({ change, asOld, asNew }).toEqual({
          change,
          asOld: expect.stringMatching(/^ERR_/),
          asNew: 'new',
        });
      await replace(from, to, new NodeFileSystem());
      expect({ change, found: await found(to) }).toEqual({ change, found: 'new' });
      expect({ change, folders: await foldersIn('host') }).toEqual({ change, folders: ['logdb-1'] });
    }
    expect(seen).toEqual(new Set(['old', 'new']));
  });
});

describe('a LogDB that takes the place of another', () => {
  it('may be replaced again, and be of the same kind', async () => {
    const sides: Side[] = ['a', 'b', 'a', 'a'].map((logDBName) => ({ logDBName }));
    await makeHost(sides[0] as Side);
    for (const [i, side] of sides.slice(1).entries()) {
      const replacement = await replacementOf(sides[i] as Side, side, new NodeFileSystem());
      const layout = await prepareReplacement(replacement);
      await writeFile(join(layout.logdbDir, CONTENT), side.logDBName);
      await commitReplacement(replacement);
      await finish(replacement);
      expect(await found(side)).toBe(side.logDBName);
      expect(await foldersIn('host')).toEqual([`logdb-${i + 1}`]);
    }
  });

  it('is not re-created where it is lost', async () => {
    const [from, to] = [
      { logDBName: 'old', walDir: 'wal' },
      { logDBName: 'new', walDir: 'wal' },
    ];
    for (const lost of [join('host', 'logdb-1'), join('wal', 'wal-1')]) {
      await makeHost(from);
      await replace(from, to, new NodeFileSystem());
      await rm(join(root, lost), { recursive: true });
      expect(await found(to)).toBe('ERR_INCOMPATIBLE_DATA');
      expect(await found(to)).toBe('ERR_INCOMPATIBLE_DATA');
    }
  });

  it('is refused for another host, or where another host has its walDir', async () => {
    const side = { logDBName: 'old' };
    await makeHost(side);
    const replacement = await replacementOf(side, { logDBName: 'new' }, new NodeFileSystem());
    const refused = (changes: Partial<Replacement>): unknown => {
      try {
        checkSameHost({ ...replacement, ...changes });
        return undefined;
      } catch (error) {
        return (error as { code: unknown }).code;
      }
    };
    expect(refused({})).toBeUndefined();
    expect(refused({ host: { ...replacement.host, address: 'b:1' } })).toBe('ERR_NOT_OWNER');
    expect(refused({ host: { ...replacement.host, deploymentId: 9 } })).toBe('ERR_DEPLOYMENT_ID_CHANGED');
    expect(refused({ host: { ...replacement.host, hardHash: 9 } })).toBe('ERR_HARD_SETTINGS_CHANGED');
    const elsewhere = { ...replacement.to, nodeHostDir: join(root, 'elsewhere') };
    expect(refused({ to: elsewhere })).toBe('ERR_NOT_OWNER');

    const other = services({ logDBName: 'x', walDir: 'wal' });
    const otherConfig = { ...other.config, nodeHostDir: join(root, 'other') };
    await (await openDataDir({ ...other, config: otherConfig, random: new SeededRandom(2) })).close();
    const intoIt = await replacementOf(side, { logDBName: 'new', walDir: 'wal' }, new NodeFileSystem());
    await expect(prepareReplacement(intoIt)).rejects.toMatchObject({ code: 'ERR_NOT_OWNER' });
    expect(await found(side)).toBe('old');
  });
});

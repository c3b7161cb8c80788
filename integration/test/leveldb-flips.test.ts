import { cp, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SeededRandom } from '@drakkar/framework';
import { openLevelDBLogDB } from '@drakkar/logdb-leveldb';
import { encodeEntries } from '@drakkar/raftio';
import { CliProcess, SEAL_FILE_NAME, drakkarJSON } from './cli-support.js';
import { flipBit } from './flip-bit.js';
import { CLUSTER, TestCluster, Workshop } from './support.js';

/** More on demand. */
const FLIPS = Number(process.env['DRAKKAR_CLI_FLIPS'] ?? 30);
const LOGDB = { module: 'leveldb', options: { writeBufferSizeBytes: 65_536 } };

const workshop = new Workshop();
const cli = new CliProcess();
let scratch: string;
let config: string;
/**
 * The data directory as the host left it, but for the seal, which finds all of this by itself; and as a crash after
 * the last write would have left it.
 */
const images = { stopped: '', crashed: '' };
/** Where the images are put to be damaged and checked. */
let dir: string;

async function restore(image: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  await cp(image, dir, { recursive: true });
}

/** The same without the sockets of locks, which can't be copied. */
async function copyImage(name: keyof typeof images): Promise<void> {
  images[name] = join(scratch, name);
  await cp(dir, images[name], { recursive: true, filter: (path) => !path.endsWith('.sock') });
}

beforeAll(async () => {
  const cluster = await TestCluster.start(workshop, 1, { logdb: LOGDB }, { compactionOverhead: 100 });
  const node = cluster.node(1);
  scratch = join(await workshop.dir(), 'scratch');
  await mkdir(scratch);
  dir = node.dir;
  for (let i = 1; i <= 400; i++) await cluster.write(node, `line ${i} ${'x'.repeat(500)}`);
  await node.host.requestSnapshot(CLUSTER);
  for (let i = 401; i <= 500; i++) await cluster.write(node, `line ${i} ${'y'.repeat(100)}`);
  await copyImage('crashed');
  await node.host.stop();
  await rm(join(dir, SEAL_FILE_NAME));
  await copyImage('stopped');
  config = join(scratch, 'host.yaml');
  const text = { raftAddress: node.address, nodeHostDir: dir, rttMillisecond: 20, logdb: LOGDB };
  await writeFile(config, JSON.stringify({ ...text, log: { level: 'silent' } }));
}, 60_000);
afterAll(async () => {
  cli.stop();
  await workshop.clear();
});

/** All that the LogDB gives, in a form that can be compared. */
async function storedContent(): Promise<string> {
  const folder = join(dir, 'logdb');
  const db = await openLevelDBLogDB({ dir: folder, walDir: folder });
  try {
    const raftState = await db.readRaftState(CLUSTER, 1, 0);
    const { entries } = await db.iterateEntries(CLUSTER, 1, raftState?.firstIndex ?? 1, 1_000_000, 2 ** 40);
    return JSON.stringify({
      replicas: await db.listNodeInfo(),
      bootstrap: [...((await db.getBootstrapInfo(CLUSTER, 1))?.addresses ?? [])],
      raftState,
      snapshots: (await db.listSnapshots(CLUSTER, 1, Number.MAX_SAFE_INTEGER)).map(({ index }) => index),
      entries: Buffer.from(encodeEntries(entries)).toString('base64'),
    });
  } finally {
    await db.close();
  }
}

/** Files of the log that are not empty, and what kind of file each is. */
async function logFiles(): Promise<{ path: string; kind: string; sizeBytes: number }[]> {
  const folder = join(dir, 'logdb');
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    all
      .filter((each) => each.isFile())
      .map(async ({ parentPath, name }) => {
        const path = join(parentPath, name);
        const isLock = relative(folder, path).startsWith('lock');
        const kind = isLock ? 'lock/' : name.replace(/^.*\.(log|ldb)$/, '*.$1').replace(/\d+$|\.old$/, '');
        return { path, kind, sizeBytes: (await stat(path)).size };
      }),
  );
  return files.filter(({ sizeBytes }) => sizeBytes > 0).sort((a, b) => (a.path < b.path ? -1 : 1));
}

type Count = Record<string, { flips: number; found: number }>;

const HOLD_DATA = ['*.log', '*.ldb', 'MANIFEST-', 'CURRENT'];

/** Flips one bit after the other, each in good data; `missed` looks at those that nobody finds. */
async function flipBits(
  image: string,
  seed: number,
  missed: (kind: string, at: { path: string; bit: number }, content: string) => Promise<void>,
): Promise<Count> {
  const random = new SeededRandom(seed);
  const count: Count = {};
  for (let round = 0; round < FLIPS; round++) {
    await restore(image);
    // Every second one in a file that holds data.
    const files = (await logFiles()).filter(({ kind }) => round % 2 === 0 || HOLD_DATA.includes(kind));
    const file = files[random.nextInt(files.length)];
    if (file === undefined) throw new Error('no files');
    const { path, kind, sizeBytes } = file;
    const bit = random.nextInt(sizeBytes * 8);
    await flipBit(path, bit);
    const { exitCode, result, stderr } = await cli.check('--config', config);
    const of = (count[kind] ??= { flips: 0, found: 0 });
    of.flips++;
    if (exitCode === 0) {
      await missed(kind, { path, bit }, await storedContent());
    } else if (kind === 'log-id') {
      // Another identity than that of the adapter is a mistake in moving files, or so it seems.
      expect(result.error?.code).toBe('ERR_LOGDB_OPEN');
      of.found++;
    } else {
      expect({ path, bit, exitCode, stderr }).toEqual({ path, bit, exitCode: 1, stderr });
      expect(result.problems).toMatchObject([{ part: 'logdb', code: 'ERR_LOGDB_CORRUPT' }]);
      of.found++;
    }
  }
  return count;
}

function foundIn(count: Count, kinds: readonly string[]): { flips: number; found: number } {
  const of = kinds.flatMap((kind) => count[kind] ?? []);
  return {
    flips: of.reduce((sum, { flips }) => sum + flips, 0),
    found: of.reduce((sum, { found }) => sum + found, 0),
  };
}

describe('drakkar check on LevelDB', () => {
  it('finds nothing wrong with good data, also after a crash', async () => {
    for (const image of Object.values(images)) {
      await restore(image);
      expect(new Set((await logFiles()).map(({ kind }) => kind))).toEqual(
        new Set([...HOLD_DATA, 'lock/', 'LOG', 'log-id', ...(image === images.stopped ? ['closed'] : [])]),
      );
      const { exitCode, result } = await drakkarJSON('check', '--config', config);
      expect(result).toMatchObject({ ok: true, seal: 'none', problems: [] });
      expect(exitCode).toBe(0);
    }
  }, 60_000);

  it(
    'finds every bit that flips in data of a host that was stopped, or it is of no consequence',
    async () => {
      await restore(images.stopped);
      const whole = await storedContent();
      const count = await flipBits(images.stopped, 11, async (_kind, at, content) => {
        expect({ ...at, content }).toEqual({ ...at, content: whole });
      });
      process.stdout.write(`flips in LevelDB, stopped: ${JSON.stringify(count)}\n`);
      const { flips, found } = foundIn(count, HOLD_DATA);
      expect(found).toBeGreaterThan(0);
      expect(flips - found).toBeLessThanOrEqual(Math.ceil(FLIPS / 50));
    },
    60_000 + FLIPS * 10_000,
  );

  it(
    'finds every bit that flips in data of a host that crashed, but for the last record of the log',
    async () => {
      await restore(images.crashed);
      const whole = await storedContent();
      await restore(images.crashed);
      const newest = (await logFiles()).filter(({ kind }) => kind === '*.log').at(-1)?.path ?? '';
      const data = await readFile(newest);
      const lastAt = data.lastIndexOf('line 500');
      expect(lastAt).toBeGreaterThan(0);
      const count = await flipBits(images.crashed, 12, async (kind, at, content) => {
        // Entry and hard state are records of one save, no longer than this.
        const isLast = at.path === newest && at.bit / 8 > lastAt - 500;
        if (!isLast) expect({ kind, ...at, content }).toEqual({ kind, ...at, content: whole });
      });
      process.stdout.write(`flips in LevelDB, crashed: ${JSON.stringify(count)}\n`);
      expect(foundIn(count, HOLD_DATA).found).toBeGreaterThan(0);
    },
    60_000 + FLIPS * 10_000,
  );
});

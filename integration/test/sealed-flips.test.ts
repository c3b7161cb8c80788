import { readdir, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SeededRandom } from '@drakkar/framework';
import { type Checked, drakkarJSON } from './cli-support.js';
import { flipBit } from './flip-bit.js';
import { CLUSTER, TestCluster, Workshop } from './support.js';

/** Each takes a process, so there are more of them only on demand. */
const FLIPS = Number(process.env['DRAKKAR_CLI_FLIPS'] ?? 24);

const workshop = new Workshop();
afterEach(() => workshop.clear());

/** A host that has two snapshots and a log, and was stopped in order. */
async function stoppedHost(logdb: { module: string }): Promise<{ dir: string; config: string }> {
  const cluster = await TestCluster.start(workshop, 1, { logdb }, { compactionOverhead: 100 });
  const node = cluster.node(1);
  for (let i = 1; i <= 200; i++) await cluster.write(node, `line ${i} ${'x'.repeat(500)}`);
  await node.host.requestSnapshot(CLUSTER);
  for (let i = 201; i <= 300; i++) await cluster.write(node, `line ${i} ${'y'.repeat(300)}`);
  await node.host.requestSnapshot(CLUSTER);
  for (let i = 301; i <= 400; i++) await cluster.write(node, `line ${i} ${'z'.repeat(100)}`);
  await node.host.stop();
  const config = join(await workshop.dir(), 'host.yaml');
  const { address: raftAddress, dir: nodeHostDir } = node;
  await writeFile(
    config,
    JSON.stringify({ raftAddress, nodeHostDir, rttMillisecond: 20, logdb, log: { level: 'silent' } }),
  );
  return { dir: node.dir, config };
}

interface SizedFile {
  path: string;
  sizeBytes: number;
}

/** Every file that has a bit, whatever it is for. */
async function filesIn(dir: string): Promise<SizedFile[]> {
  const all = await readdir(dir, { recursive: true, withFileTypes: true });
  const paths = all.filter((each) => each.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const files = await Promise.all(paths.map(async (path) => ({ path, sizeBytes: (await stat(path)).size })));
  return files.filter(({ sizeBytes }) => sizeBytes > 0).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Each file in turn, then alternately one of them all and one where a bit of them all may lie. */
function choose(files: readonly SizedFile[], round: number, random: SeededRandom): SizedFile {
  const total = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let left = random.nextInt(total);
  const bySize = files.find(({ sizeBytes }) => (left -= sizeBytes) < 0);
  const anyOne = files[round < files.length ? round : random.nextInt(files.length)];
  const chosen = round < files.length || round % 2 === 0 ? anyOne : bySize;
  if (chosen === undefined) throw new Error('no files');
  return chosen;
}

/** The same for every file of its kind. */
function kindOf(name: string): string {
  return name
    .replace(/\d{6}\.(log|ldb)$/, '*.$1')
    .replace(/\d+$/, '*')
    .replace(/^snapshots\/.*/, 'snapshots/…');
}

describe.each([
  {
    name: 'LMDB',
    logdb: { module: 'lmdb' },
    mustHave: ['logdb/log.mdb', 'logdb/lock.mdb-lock', 'logdb/log-id'],
  },
  {
    name: 'LevelDB',
    logdb: { module: 'leveldb', options: { writeBufferSizeBytes: 65_536 } },
    mustHave: ['logdb/*.ldb', 'logdb/*.log', 'logdb/LOG', 'logdb/lock/LOG', 'logdb/closed', 'logdb/log-id'],
  },
])('drakkar check, after an orderly stop of a host on $name', ({ name, logdb, mustHave }) => {
  it(
    'finds every bit that flips, in every file of the data directory',
    async () => {
      const { dir, config } = await stoppedHost(logdb);
      const check = (): Promise<Checked> => drakkarJSON('check', '--config', config, '--in-process');
      const random = new SeededRandom(31);
      const found = new Map<string, Record<string, number>>();
      const rounds = Math.max(FLIPS, (await filesIn(dir)).length);
      for (let round = 0; round < rounds; round++) {
        // Again each time: the lock has a new file after each check.
        const { path, sizeBytes } = choose(await filesIn(dir), round, random);
        const bit = random.nextInt(sizeBytes * 8);
        await flipBit(path, bit);
        const { exitCode, result } = await check();
        const problems = result.problems ?? [];
        const who = [...new Set(problems.map(({ part }) => part))].join(' and ');
        const at = { path, bit };
        expect({ ...at, exitCode, problems: problems.length }).toEqual({ ...at, exitCode: 1, problems: 1 });
        expect({ ...at, message: problems[0]?.message }).toEqual({
          ...at,
          message: expect.stringContaining(path) as unknown,
        });
        const of = found.get(kindOf(relative(dir, path))) ?? {};
        found.set(kindOf(relative(dir, path)), { ...of, [who]: (of[who] ?? 0) + 1 });
        await flipBit(path, bit);
      }
      process.stdout.write(
        `flips, ${name}, all of ${rounds} found: ${JSON.stringify(Object.fromEntries(found))}\n`,
      );
      expect([...found.keys()]).toEqual(
        expect.arrayContaining([...mustHave, 'drakkar.json', 'drakkar.seal']),
      );
      // No check has taken anything away from the next one.
      expect((await check()).result).toMatchObject({ ok: true, seal: 'valid', problems: [] });
    },
    120_000 + FLIPS * 8_000,
  );
});

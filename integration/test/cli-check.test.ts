import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SeededRandom } from '@drakkar/framework';
import { openLmdbLogDB } from '@drakkar/logdb-lmdb';
import { EntryType, type ILogDB, makeEntry } from '@drakkar/raftio';
import {
  CliProcess,
  INFO,
  NOTHING,
  type Result,
  StoppedHost,
  contentOf,
  dataFiles,
  drakkarJSON,
  lastIndexOf,
  storedContent,
} from './cli-support.js';
import { flipBit } from './flip-bit.js';

const FLIPS_IN_SNAPSHOTS = 20;
/** More on demand. */
const FLIPS_IN_LOG = Number(process.env['DRAKKAR_CLI_FLIPS'] ?? 30);

const stopped = new StoppedHost();
const cli = new CliProcess();
beforeAll(() => stopped.make());
afterAll(async () => {
  cli.stop();
  await stopped.clear();
});

describe('drakkar check', () => {
  it('finds nothing wrong with good data, and changes none of it', async () => {
    const before = await contentOf(stopped.node.dir);
    const { exitCode, result } = await drakkarJSON('check', '--config', stopped.configFile);
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({ ok: true, seal: 'valid', problems: [], leftovers: [] });
    expect(result.replicas).toMatchObject([{ clusterID: 1, nodeID: 1, snapshots: 2 }]);
    const [{ entries }] = result.replicas as [{ entries: number }];
    expect(entries).toBeGreaterThanOrEqual(20);
    expect(await contentOf(stopped.node.dir)).toEqual(before);
  });

  it.each<[string, string, (db: ILogDB) => Promise<void>]>([
    [
      'terms that fall',
      'the term falls from 1000 to 1 at entry',
      async (db) => {
        const last = await lastIndexOf(db);
        const entriesToSave = [
          makeEntry({ term: 1000, index: last + 1 }),
          makeEntry({ term: 1, index: last + 2 }),
        ];
        const state = { term: 1000, vote: 0, commit: last };
        await db.saveRaftState([{ ...INFO, state, entriesToSave, snapshot: undefined }]);
      },
    ],
    [
      'a commit index beyond the log',
      'is committed, but the data ends at',
      (db) => db.saveRaftState([{ ...INFO, state: { term: 9, vote: 0, commit: 10_000 }, ...NOTHING }]),
    ],
    [
      'a compressed command that is damaged',
      'the payload of entry',
      async (db) => {
        const index = (await lastIndexOf(db)) + 1;
        const cmd = Uint8Array.of(0x02, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00);
        const entriesToSave = [makeEntry({ type: EntryType.EncodedEntry, term: 1_000, index, cmd })];
        const state = { term: 1_000, vote: 0, commit: index };
        await db.saveRaftState([{ ...INFO, state, entriesToSave, snapshot: undefined }]);
      },
    ],
    [
      'a hard state older than the log',
      'it is of term 0, but there is data of term',
      (db) => db.saveRaftState([{ ...INFO, state: { term: 0, vote: 0, commit: 1 }, ...NOTHING }]),
    ],
    [
      'a gap between snapshot and log',
      'what is between is lost',
      async (db) => {
        const snapshots = await db.listSnapshots(1, 1, Number.MAX_SAFE_INTEGER);
        for (const { index } of snapshots) await db.deleteSnapshot(1, 1, index);
      },
    ],
    [
      'a snapshot on record that is not there',
      'snapshot',
      async (db) => {
        const [snapshot] = await db.listSnapshots(1, 1, Number.MAX_SAFE_INTEGER);
        if (snapshot === undefined) throw new Error('no snapshot');
        await db.saveSnapshots([
          { ...INFO, ...NOTHING, state: undefined, snapshot: { ...snapshot, index: 2 } },
        ]);
      },
    ],
    [
      'a snapshot of another term than the log',
      'of term 77, but the log',
      async (db) => {
        const snapshot = (await db.listSnapshots(1, 1, Number.MAX_SAFE_INTEGER)).at(-1);
        if (snapshot === undefined) throw new Error('no snapshot');
        await db.saveSnapshots([
          { ...INFO, ...NOTHING, state: undefined, snapshot: { ...snapshot, term: 77 } },
        ]);
      },
    ],
  ])('finds %s', async (_name, message, damage) => {
    const { dir, config } = await stopped.copyOfData('wrong');
    const folder = join(dir, 'logdb');
    const db = await openLmdbLogDB({ dir: folder, walDir: folder });
    try {
      await damage(db);
    } finally {
      await db.close();
    }
    const { exitCode, result } = await cli.check('--config', config);
    expect(exitCode).toBe(1);
    expect(result.problems?.map((each) => each.message).join('\n')).toContain(message);
  });

  it('does not take the end of the process that reads for damage', async () => {
    const { dir } = await stopped.copyOfData('dying');
    const module = stopped.scratch('dying.mjs');
    await writeFile(
      module,
      `export const adapterModule = {
         kind: 'logdb',
         name: 'lmdb',
         capabilities: { shrinksOnCompaction: false, exclusiveOpen: false, durable: true },
         optionsSchema: { type: 'object' },
         create: () => () => {
           process.kill(process.pid, 'SIGSEGV');
           return new Promise(() => undefined);
         },
       };`,
    );
    const { exitCode, result } = await drakkarJSON('check', '--dir', dir, '--logdb', module);
    expect({ exitCode, error: result.error }).toEqual({ exitCode: 3, error: undefined });
    expect(result).toMatchObject({ ok: false, problems: [] });
    expect(result.unchecked?.[0]?.message).toContain('the storage engine crashed (SIGSEGV)');
  });

  it('finds every bit that flips in a snapshot', async () => {
    const { dir, config } = await stopped.copyOfData('snapshot-flips');
    const files = (await dataFiles(dir)).filter((path) => path.includes('snapshots'));
    expect(files.length).toBe(2);
    const random = new SeededRandom(7);
    for (let round = 0; round < FLIPS_IN_SNAPSHOTS; round++) {
      const file = files[round % files.length] ?? '';
      const bit = random.nextInt((await stat(file)).size * 8);
      await flipBit(file, bit);
      const { exitCode, result } = await cli.check('--config', config);
      expect({ file, bit, exitCode }).toEqual({ file, bit, exitCode: 1 });
      expect(result.problems?.map(({ part }) => part)).toEqual(['snapshot']);
      await flipBit(file, bit);
    }
    expect((await cli.check('--config', config)).exitCode).toBe(0);
  }, 180_000);

  it('finds every bit that flips in the identity', async () => {
    const { dir, config } = await stopped.copyOfData('identity-flips');
    const file = join(dir, 'drakkar.json');
    const random = new SeededRandom(8);
    const text = await readFile(file);
    let found = 0;
    for (let round = 0; round < 10; round++) {
      const bit = random.nextInt(text.lastIndexOf('}') * 8);
      await flipBit(file, bit);
      const { exitCode } = await cli.check('--config', config);
      // White space between the fields carries nothing; whatever else changes is refused or reported.
      const isSpace = /\s/.test(String.fromCharCode(text[Math.floor(bit / 8)] ?? 0));
      if (!isSpace) expect({ bit, exitCode }).toEqual({ bit, exitCode: 1 });
      found += exitCode === 1 ? 1 : 0;
      await flipBit(file, bit);
    }
    expect(found).toBeGreaterThan(5);
  }, 180_000);

  it('finds every bit that flips in an entry, and reports in which', async () => {
    const { dir, config } = await stopped.copyOfData('entry-flips');
    const file = join(dir, 'logdb', 'log.mdb');
    const good = await readFile(file);
    for (const line of ['second 20 ', 'third 1 ', 'third 20 ']) {
      // LMDB leaves earlier versions of a page behind; which one counts is its own affair.
      const offsets: number[] = [];
      for (let at = good.indexOf(line); at >= 0; at = good.indexOf(line, at + 1)) offsets.push(at);
      expect(offsets.length).toBeGreaterThan(0);
      for (const at of offsets) await flipBit(file, at * 8);
      const { exitCode, result } = await drakkarJSON('check', '--config', config);
      expect(exitCode).toBe(1);
      const [problem, ...others] = result.problems ?? [];
      expect(others).toEqual([]);
      expect(problem).toMatchObject({ part: 'log', code: 'ERR_LOGDB_CORRUPT', clusterID: 1, nodeID: 1 });
      expect(problem?.message).toMatch(/^entry \d+ can't be read: .*checksum does not match/);
      await writeFile(file, good);
    }
  });

  it(
    'finds the bits that flip in the log, or they are of no consequence',
    async () => {
      // Whatever becomes of one copy in the process that reads it, the next one is another.
      const look = async (name: string, bit?: number) => {
        const { dir, config } = await stopped.copyOfData(name);
        if (bit !== undefined) await flipBit(join(dir, 'logdb', 'log.mdb'), bit);
        const { exitCode, result } = await cli.check('--config', config);
        return { dir, exitCode, result: JSON.parse(JSON.stringify(result).replaceAll(name, '')) as Result };
      };
      const whole = await look('log-flips');
      const content = await storedContent(whole.dir);
      const bits = (await stat(join(whole.dir, 'logdb', 'log.mdb'))).size * 8;
      const random = new SeededRandom(9);
      const finds = { checksum: 0, engine: 0, died: 0, nobody: 0 };
      for (let round = 0; round < FLIPS_IN_LOG; round++) {
        const bit = random.nextInt(bits);
        const { dir, exitCode, result } = await look(`log-flips-${round}`, bit);
        if (exitCode === 0) {
          finds.nobody++;
          // Not found, and no loss: all that was there can be read, and is as it was.
          expect({ bit, result }).toEqual({ bit, result: whole.result });
          expect({ bit, content: await storedContent(dir) }).toEqual({ bit, content });
        } else if (exitCode === null) {
          finds.died++;
        } else {
          expect({ bit, exitCode }).toEqual({ bit, exitCode: 1 });
          const texts = result.problems?.map(({ message }) => message).join('\n') ?? '';
          if (texts.includes('checksum')) finds.checksum++;
          else finds.engine++;
        }
        await rm(dir, { recursive: true });
      }
      const found = FLIPS_IN_LOG - finds.nobody;
      process.stdout.write(`flips in log.mdb: ${JSON.stringify(finds)} of ${FLIPS_IN_LOG}\n`);
      expect(found).toBeGreaterThan(0);
    },
    60_000 + FLIPS_IN_LOG * 8_000,
  );
});

import { existsSync } from 'node:fs';
import { copyFile, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NodeHost } from '@drakkar/framework';
import { openLmdbLogDB } from '@drakkar/logdb-lmdb';
import {
  type Checked,
  SEAL_FILE_NAME,
  StoppedHost,
  drakkar,
  drakkarJSON,
  exportArgs,
  writeConfig,
} from './cli-support.js';
import { flipBit } from './flip-bit.js';
import { CLUSTER, Journal, clusterConfig, quietly } from './support.js';

const stopped = new StoppedHost();
beforeAll(() => stopped.make());
afterAll(() => stopped.clear());

const LOG = join('logdb', 'log.mdb');
const sealIn = (dir: string): string => join(dir, SEAL_FILE_NAME);

/** A bit of LMDB's file that is in no record: room between those of a page. */
async function flipFreeBit(dir: string): Promise<void> {
  const path = join(dir, LOG);
  const data = await readFile(path);
  // A run of zeros far from the first pages, which LMDB looks at.
  const at = data.indexOf(Buffer.alloc(256), 16_384);
  expect(at).toBeGreaterThan(0);
  await flipBit(path, (at + 128) * 8);
}

async function check(config: string, ...more: string[]): Promise<Checked> {
  return drakkarJSON('check', '--config', config, '--in-process', ...more);
}

describe('a sealed data directory', () => {
  it('stays sealed, whichever command reads it', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('looked-at');
    const looks = [
      ['check', '--config', config],
      ['check', '--config', config],
      ['inspect', '--config', config],
      ['inspect', '--dir', dir],
      exportArgs(config, stopped.scratch('looked-at-export')),
      [
        'logdb',
        'copy',
        '--from',
        `lmdb:${join(dir, 'logdb')}`,
        '--to',
        `lmdb:${stopped.scratch('looked-at-copy')}`,
      ],
    ];
    for (const args of looks) {
      const { exitCode, stderr } = await drakkar(...args);
      expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr });
      expect((await check(config)).result).toMatchObject({ ok: true, seal: 'valid' });
    }
  }, 120_000);

  it('is distinguished from one that a crash has left, in words too', async () => {
    const { config } = await stopped.copyOfData('crashed');
    for (let round = 0; round < 2; round++) {
      expect((await check(config)).result).toMatchObject({ ok: true, seal: 'none', problems: [] });
    }
    const { stdout } = await drakkar('check', '--config', config, '--in-process');
    expect(stdout).toContain('the host was not stopped cleanly');
    const { stdout: good } = await drakkar('check', '--config', stopped.configFile, '--in-process');
    expect(good).toContain('every file is as the host left it when it stopped');
  });

  it('is not opened when something has changed, unless that is to be ignored', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('changed');
    await flipFreeBit(dir);
    const seal = await readFile(sealIn(dir));
    const log = await readFile(join(dir, LOG));
    for (let round = 0; round < 2; round++) {
      const { exitCode, result } = await check(config);
      expect({ exitCode, seal: result.seal }).toEqual({ exitCode: 1, seal: 'broken' });
      expect(result.problems).toMatchObject([{ part: 'seal', code: 'ERR_DATA_DIR_CORRUPT' }]);
    }
    const inspected = await drakkarJSON('inspect', '--config', config);
    expect(inspected.exitCode).toBe(2);
    expect(inspected.result.error?.message).toContain(join(dir, LOG));
    expect(await readFile(sealIn(dir))).toEqual(seal);
    expect((await readFile(join(dir, LOG))).equals(log)).toBe(true);
    // Of no consequence: all records are good.
    expect((await check(config, '--ignore-seal')).result).toMatchObject({
      ok: true,
      seal: 'broken',
      problems: [],
    });
    expect((await check(config)).result).toMatchObject({ ok: true, seal: 'none' });
  }, 60_000);

  it('shows files that are missing, and files that are new', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('files');
    const extra = join(dir, 'logdb', 'extra');
    const id = join(dir, 'logdb', 'log-id');
    await copyFile(id, extra);
    await rm(id);
    const { exitCode, result } = await check(config);
    expect(exitCode).toBe(1);
    expect(result.problems?.map(({ message }) => message)).toEqual([
      `${id} is missing`,
      `${extra} was not there when the host was stopped`,
    ]);
    await rm(join(dir, 'logdb'), { recursive: true });
    expect((await check(config)).result.problems?.map(({ part }) => part)).toContain('seal');
  });

  it('has damage in the seal itself reported', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('seal');
    const { size } = await stat(sealIn(dir));
    for (const bit of [0, size * 4, size * 8 - 1]) {
      await flipBit(sealIn(dir), bit);
      const { exitCode, result } = await check(config);
      expect({ exitCode, seal: result.seal }).toEqual({ exitCode: 1, seal: 'broken' });
      expect(result.problems?.[0]?.message).toContain(`${sealIn(dir)} is damaged`);
      await flipBit(sealIn(dir), bit);
    }
    const seal = await readFile(sealIn(dir));
    // Of the same meaning, but not what the host has written.
    await writeFile(sealIn(dir), Buffer.concat([seal, Buffer.from('\n')]));
    expect((await check(config)).result.seal).toBe('broken');
    await writeFile(sealIn(dir), seal);
    expect((await check(config)).result).toMatchObject({ ok: true, seal: 'valid' });
  });

  it('shows that its LogDB was opened by something else', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('opened');
    const folder = join(dir, 'logdb');
    await (await openLmdbLogDB({ dir: folder, walDir: folder })).close();
    expect((await check(config)).result).toMatchObject({ ok: false, seal: 'broken' });
  });
});

describe('a host', () => {
  interface Run {
    whileItRuns?: () => unknown;
    settings?: { sealTimeoutMs: number };
  }

  async function run(
    dir: string,
    { whileItRuns = () => undefined, settings = { sealTimeoutMs: 60_000 } }: Run = {},
  ): Promise<Journal> {
    const host = await NodeHost.create(
      { raftAddress: stopped.node.address, nodeHostDir: dir, rttMillisecond: 20, settings },
      { overrides: quietly },
    );
    const journal = new Journal();
    await host.startCluster({}, false, () => journal, clusterConfig(1));
    await host.waitReady(CLUSTER);
    await whileItRuns();
    await host.stop();
    return journal;
  }

  it('drops the seal before it opens its LogDB, and seals again when it is stopped', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('restarted');
    const before = await readFile(sealIn(dir), 'utf8');
    let wasSealed = true;
    const { lines } = await run(dir, { whileItRuns: () => (wasSealed = existsSync(sealIn(dir))) });
    expect(wasSealed).toBe(false);
    expect(lines.length).toBe(80);
    expect(await readFile(sealIn(dir), 'utf8')).not.toBe(before);
    expect((await check(config)).result).toMatchObject({ ok: true, seal: 'valid' });
  }, 60_000);

  it('keeps out one who would seal its directory beside it: a copy of its LogDB', async () => {
    const { dir } = await stopped.sealedCopyOfData('copied-meanwhile');
    const seal = await readFile(sealIn(dir));
    const copying = [
      ...['logdb', 'copy', '--from', `lmdb:${join(dir, 'logdb')}`],
      ...['--to', `lmdb:${stopped.scratch('copied-meanwhile-to')}`],
    ];
    const copyMeanwhile = async (): Promise<void> => {
      await writeFile(sealIn(dir), seal); // as a copy that began before has found it
      const { exitCode, stderr } = await drakkar(...copying);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain('is in use by process');
      expect(await readFile(sealIn(dir))).toEqual(seal);
    };
    await run(dir, { whileItRuns: copyMeanwhile });
  });

  it('starts whatever has become of the seal, and of the bits that it covers and nobody needs', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('broken');
    await flipFreeBit(dir);
    await writeFile(sealIn(dir), 'not a seal');
    expect((await run(dir)).lines.length).toBe(80);
    expect((await check(config)).result).toMatchObject({ ok: true, seal: 'valid' });
  }, 60_000);

  it('leaves its directory without a seal where configured', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('unsealed');
    await run(dir, { settings: { sealTimeoutMs: 0 } });
    expect(existsSync(sealIn(dir))).toBe(false);
    expect((await check(config)).result).toMatchObject({ ok: true, seal: 'none' });
  }, 60_000);

  it('leaves the seal to whom the directory belongs when it can not be started', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('of-another');
    const other = await writeConfig(stopped.scratch('other.yaml'), { address: '127.0.0.1:1', dir });
    await expect(NodeHost.create(other, { overrides: quietly })).rejects.toMatchObject({
      code: 'ERR_NOT_OWNER',
    });
    expect((await check(config)).result).toMatchObject({ ok: true, seal: 'valid' });
  });
});

describe('what writes to the data of a stopped host', () => {
  it('seals it again: an import', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('imported-into');
    const exported = stopped.scratch('to-import');
    await drakkar(...exportArgs(config, exported));
    const members = `1=${stopped.node.address}`;
    const args = [
      'snapshot',
      'import',
      '--config',
      config,
      '--from',
      exported,
      '--node',
      '1',
      '--members',
      members,
      '--allow-older',
    ];
    const { exitCode, stderr } = await drakkar(...args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr });
    expect((await check(config)).result).toMatchObject({ ok: true, seal: 'valid' });
    // Not, if it was not as the host left it.
    await flipFreeBit(dir);
    await drakkar(...args);
    expect((await check(config)).result).toMatchObject({ ok: true, seal: 'none' });
  }, 120_000);

  it('seals it again: a move to another LogDB, and to a walDir of its own', async () => {
    const { dir, config } = await stopped.sealedCopyOfData('moved');
    const next = stopped.scratch('moved-next.yaml');
    const text = await readFile(config, 'utf8');
    const walDir = stopped.scratch('moved-wal');
    await writeFile(next, `${text.replace('module: lmdb', 'module: leveldb')}walDir: ${walDir}\n`);
    const args = ['logdb', 'copy', '--config', config, '--switch-to', next];
    const { exitCode, stderr } = await drakkar(...args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr });
    expect((await check(next)).result).toMatchObject({ ok: true, seal: 'valid' });
    expect(await drakkarJSON(...args)).toMatchObject({ exitCode: 0, result: { alreadySwitched: true } });
    expect((await check(next)).result).toMatchObject({ ok: true, seal: 'valid' });
    await flipBit(join(walDir, 'wal-1', 'log-id'), 3);
    expect((await check(next)).result.problems?.map(({ message }) => message)).toEqual([
      expect.stringContaining(join(walDir, 'wal-1', 'log-id')),
    ]);
    expect(existsSync(sealIn(dir))).toBe(true);
  }, 120_000);
});

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, open, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SeededRandom } from '@drakkar/framework';
import { openLmdbLogDB } from '@drakkar/logdb-lmdb';
import { type ILogDB, encodeEntries, makeEntry } from '@drakkar/raftio';
import { CLUSTER, TestCluster, type TestNode, Workshop, eventually } from './support.js';

const MAIN = fileURLToPath(new URL('../../framework/dist/cli/main.js', import.meta.url));
if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run "npm run build" before these tests`);

interface Finished {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

interface Running {
  pid: number;
  stdout: () => string;
  kill: (signal: NodeJS.Signals) => void;
  done: Promise<Finished>;
}

/** Starts the command as a user would. */
function start(args: readonly string[]): Running {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const done = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
  return { pid: child.pid ?? 0, stdout: () => stdout, kill: (signal) => void child.kill(signal), done };
}

const drakkar = (...args: string[]): Promise<Finished> => start(args).done;

interface Result {
  ok: boolean;
  error?: { code: string; message: string };
  replicas?: Record<string, unknown>[];
  problems?: { part: string; code?: string; clusterID?: number; message: string }[];
  identity?: Record<string, unknown>;
}

async function drakkarJSON(...args: string[]): Promise<{ exitCode: number | null; result: Result }> {
  const { exitCode, stdout } = await drakkar(...args, '--json');
  return { exitCode, result: JSON.parse(stdout) as Result };
}

/** What a host that was used a little leaves: log entries, a log that was cut, and two snapshots. */
async function makeData(workshop: Workshop): Promise<TestNode> {
  const cluster = await TestCluster.start(workshop, 1, {}, { compactionOverhead: 20 });
  const node = cluster.node(1);
  for (let i = 1; i <= 30; i++) await cluster.write(node, `first ${i} ${'x'.repeat(300)}`);
  await node.host.requestSnapshot(CLUSTER);
  for (let i = 1; i <= 30; i++) await cluster.write(node, `second ${i} ${'y'.repeat(300)}`);
  await node.host.requestSnapshot(CLUSTER);
  for (let i = 1; i <= 20; i++) await cluster.write(node, `third ${i} ${'z'.repeat(300)}`);
  await node.host.stop();
  return node;
}

const INVERSIFY = pathToFileURL(createRequire(import.meta.url).resolve('inversify')).href;
const INFO = { clusterID: CLUSTER, nodeID: 1 };
const NOTHING = { entriesToSave: [], snapshot: undefined };
const FLIPS_IN_SNAPSHOTS = 20;
/** Each takes a process, so there are more of them only on demand. */
const FLIPS_IN_LOG = Number(process.env['DRAKKAR_CLI_FLIPS'] ?? 30);

async function lastIndexOf(db: ILogDB): Promise<number> {
  const found = await db.readRaftState(INFO.clusterID, INFO.nodeID, 0);
  return found === undefined ? 0 : found.firstIndex + found.entryCount - 1;
}

async function firstIndexOf(db: ILogDB): Promise<number> {
  return (await db.readRaftState(INFO.clusterID, INFO.nodeID, 0))?.firstIndex ?? 0;
}

const workshop = new Workshop();
let node: TestNode;
let scratch: string;
let configFile: string;

async function writeConfig(file: string, of: { address: string; dir: string }): Promise<string> {
  await writeFile(
    file,
    `raftAddress: "${of.address}"\nnodeHostDir: ${of.dir}\nrttMillisecond: 20\nlogdb:\n  module: lmdb\nlog:\n  level: silent\n`,
  );
  return file;
}

/** A copy of the data, to be damaged. */
async function copyOfData(name: string): Promise<{ dir: string; config: string }> {
  const dir = join(scratch, name);
  await rm(dir, { recursive: true, force: true });
  await cp(node.dir, dir, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  return { dir, config: await writeConfig(`${dir}.yaml`, { address: node.address, dir }) };
}

/** Files that hold data: not those by which processes keep off each other, which change whenever they do. */
async function dataFiles(dir: string): Promise<string[]> {
  const all = await readdir(dir, { recursive: true, withFileTypes: true });
  return all
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name))
    .filter((path) => !relative(dir, path).startsWith('LOCK') && !/lock\.mdb|-lock$/.test(path))
    .sort();
}

async function contentOf(dir: string): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for (const path of await dataFiles(dir))
    content.set(relative(dir, path), (await readFile(path)).toString('base64'));
  return content;
}

/** All that the LogDB of a data directory gives, in a form that can be compared. */
async function storedContent(dataDir: string): Promise<unknown> {
  const dir = join(dataDir, 'logdb');
  const db = await openLmdbLogDB({ dir, walDir: dir });
  try {
    const { clusterID, nodeID } = INFO;
    const { entries } = await db.iterateEntries(
      clusterID,
      nodeID,
      await firstIndexOf(db),
      1_000_000,
      2 ** 40,
    );
    return {
      replicas: await db.listNodeInfo(),
      bootstrap: await db.getBootstrapInfo(clusterID, nodeID),
      raftState: await db.readRaftState(clusterID, nodeID, 0),
      snapshots: await db.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER),
      entries: Buffer.from(encodeEntries(entries)).toString('base64'),
    };
  } finally {
    await db.close();
  }
}

async function flipBit(path: string, bit: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    const offset = Math.floor(bit / 8);
    await file.read(byte, 0, 1, offset);
    byte[0] = (byte[0] ?? 0) ^ (1 << (bit % 8));
    await file.write(byte, 0, 1, offset);
  } finally {
    await file.close();
  }
}

beforeAll(async () => {
  node = await makeData(workshop);
  scratch = join(await workshop.dir(), 'scratch');
  await mkdir(scratch);
  configFile = await writeConfig(join(scratch, 'host.yaml'), node);
});
afterAll(() => workshop.clear());

describe('drakkar', () => {
  it('explains itself, each command too', async () => {
    for (const args of [[], ['inspect'], ['check'], ['logdb', 'copy'], ['serve']]) {
      const { exitCode, stdout } = await drakkar(...args, '--help');
      expect(exitCode).toBe(0);
      expect(stdout).toContain('Usage: drakkar');
    }
  });

  it.each([
    ['an unknown command', ['inspekt']],
    ['an unknown option', ['inspect', '--konfig', 'x']],
    ['no data named', ['inspect']],
    ['data named twice', ['check', '--config', 'a', '--dir', 'b']],
    ['a configuration that is not there', ['inspect', '--config', '/nowhere/host.yaml']],
    ['a data directory that is not there', ['inspect', '--dir', '/nowhere/data']],
    ['no place to copy from', ['logdb', 'copy', '--from', 'lmdb:/nowhere', '--to', 'lmdb:/nowhere/else']],
    ['a place without a module', ['logdb', 'copy', '--from', '/data', '--to', 'lmdb:/nowhere/else']],
    ['an app that is not there', ['serve', '--config', 'x', '--app', './nowhere.js']],
  ])('exits with 2 and says why: %s', async (_name, args) => {
    const { exitCode, stderr, stdout } = await drakkar(...args);
    expect(exitCode).toBe(2);
    expect(stderr.length).toBeGreaterThan(10);
    expect(stderr).not.toContain('    at ');
    expect(stdout).toBe('');
    expect(existsSync('/nowhere')).toBe(false);
  });
});

describe('drakkar inspect', () => {
  it('tells identity, replicas and snapshots, and changes nothing', async () => {
    const before = await contentOf(node.dir);
    const { exitCode, result } = await drakkarJSON('inspect', '--config', configFile);
    expect(exitCode).toBe(0);
    expect(result.identity).toMatchObject({ address: node.address, deploymentId: 1, logdb: 'lmdb' });
    expect(result.replicas).toHaveLength(1);
    const [replica] = result.replicas as [{ lastIndex: number; firstIndex: number; snapshots: unknown[] }];
    expect(replica).toMatchObject({
      clusterID: 1,
      nodeID: 1,
      bootstrap: { addresses: { 1: node.address }, join: false },
      state: { vote: 1 },
    });
    expect(replica.lastIndex).toBeGreaterThanOrEqual(81);
    expect(replica.firstIndex).toBeGreaterThan(30);
    expect(replica.snapshots).toHaveLength(2);
    expect(await contentOf(node.dir)).toEqual(before);
  });

  it('needs no configuration, and prints text for people', async () => {
    const { exitCode, stdout } = await drakkar('inspect', '--dir', node.dir);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`raftAddress     ${node.address}`);
    expect(stdout).toContain('group 1 node 1');
    expect(stdout).toMatch(/snapshot {3}index \d+, term \d+, \d+ bytes/);
  });

  it('makes no folder where there is no data', async () => {
    const dir = join(scratch, 'none');
    const config = await writeConfig(`${dir}.yaml`, { address: node.address, dir });
    const { exitCode, result } = await drakkarJSON('inspect', '--config', config);
    expect(exitCode).toBe(2);
    expect(result.error?.code).toBe('ERR_DIR_NOT_EXIST');
    expect(existsSync(dir)).toBe(false);
  });

  it('does not make a new log where the log is lost', async () => {
    const { dir, config } = await copyOfData('lost');
    await rm(join(dir, 'logdb'), { recursive: true });
    const { exitCode, result } = await drakkarJSON('inspect', '--config', config);
    expect(exitCode).toBe(2);
    expect(result.error?.code).toBe('ERR_DATA_DIR_CORRUPT');
    expect(existsSync(join(dir, 'logdb'))).toBe(false);
  });
});

describe('a host that runs', () => {
  const running = new Workshop();
  afterEach(() => running.clear());

  it('keeps inspect, check and copy off its data', async () => {
    const cluster = await TestCluster.start(running, 1);
    const busy = cluster.node(1);
    const config = await writeConfig(join(scratch, 'busy.yaml'), busy);
    for (const command of ['inspect', 'check']) {
      const { exitCode, result } = await drakkarJSON(command, '--config', config);
      expect(exitCode).toBe(2);
      expect(result.error?.code).toBe('ERR_LOCK_DIRECTORY');
    }
    const target = join(scratch, 'busy-copy');
    const copy = await drakkarJSON(
      'logdb',
      'copy',
      '--from',
      `lmdb:${join(busy.dir, 'logdb')}`,
      '--to',
      `lmdb:${target}`,
    );
    expect(copy.exitCode).toBe(2);
    expect(copy.result.error?.code).toBe('ERR_LOGDB_LOCKED');
    expect(existsSync(target)).toBe(false);
    await cluster.write(busy, 'still there');
  });
});

describe('drakkar check', () => {
  it('finds nothing wrong with good data, and changes none of it', async () => {
    const before = await contentOf(node.dir);
    const { exitCode, result } = await drakkarJSON('check', '--config', configFile);
    expect(exitCode).toBe(0);
    expect(result).toMatchObject({ ok: true, problems: [], leftovers: [] });
    expect(result.replicas).toMatchObject([{ clusterID: 1, nodeID: 1, snapshots: 2 }]);
    const [{ entries }] = result.replicas as [{ entries: number }];
    expect(entries).toBeGreaterThanOrEqual(20);
    expect(await contentOf(node.dir)).toEqual(before);
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
    const { dir, config } = await copyOfData('wrong');
    const folder = join(dir, 'logdb');
    const db = await openLmdbLogDB({ dir: folder, walDir: folder });
    try {
      await damage(db);
    } finally {
      await db.close();
    }
    const { exitCode, result } = await drakkarJSON('check', '--config', config);
    expect(exitCode).toBe(1);
    expect(result.problems?.map((each) => each.message).join('\n')).toContain(message);
  });

  it('tells of a storage engine that does not survive the damage', async () => {
    const { dir } = await copyOfData('dying');
    const module = join(scratch, 'dying.mjs');
    await writeFile(
      module,
      `import { ContainerModule } from ${JSON.stringify(INVERSIFY)};
       export const adapterModule = {
         kind: 'logdb',
         name: 'lmdb',
         capabilities: { shrinksOnCompaction: false, exclusiveOpen: false, durable: true },
         optionsSchema: { type: 'object' },
         createModule: () => new ContainerModule(({ bind }) => {
           bind(Symbol.for('@drakkar/raftio/LogDBFactory')).toConstantValue(() => {
             process.kill(process.pid, 'SIGSEGV');
             return new Promise(() => undefined);
           });
         }),
       };`,
    );
    const { exitCode, result } = await drakkarJSON('check', '--dir', dir, '--logdb', module);
    expect({ exitCode, error: result.error }).toEqual({ exitCode: 1, error: undefined });
    expect(result.problems?.[0]?.message).toContain('ended its process (SIGSEGV)');
  });

  it('finds every bit that flips in a snapshot', async () => {
    const { dir, config } = await copyOfData('snapshot-flips');
    const files = (await dataFiles(dir)).filter((path) => path.includes('snapshots'));
    expect(files.length).toBe(2);
    const random = new SeededRandom(7);
    for (let round = 0; round < FLIPS_IN_SNAPSHOTS; round++) {
      const file = files[round % files.length] ?? '';
      const bit = random.nextInt((await stat(file)).size * 8);
      await flipBit(file, bit);
      const { exitCode, result } = await drakkarJSON('check', '--config', config, '--in-process');
      expect({ file, bit, exitCode }).toEqual({ file, bit, exitCode: 1 });
      expect(result.problems?.map(({ part }) => part)).toEqual(['snapshot']);
      await flipBit(file, bit);
    }
    expect((await drakkar('check', '--config', config, '--in-process')).exitCode).toBe(0);
  });

  it('finds every bit that flips in the identity', async () => {
    const { dir, config } = await copyOfData('identity-flips');
    const file = join(dir, 'drakkar.json');
    const random = new SeededRandom(8);
    const text = await readFile(file);
    for (let round = 0; round < 10; round++) {
      const bit = random.nextInt(text.lastIndexOf('}') * 8);
      await flipBit(file, bit);
      const { exitCode } = await drakkar('check', '--config', config, '--in-process');
      // White space between the fields carries nothing; whatever else changes is refused or reported.
      const isSpace = /\s/.test(String.fromCharCode(text[Math.floor(bit / 8)] ?? 0));
      if (!isSpace) expect({ bit, exitCode }).toEqual({ bit, exitCode: 1 });
      await flipBit(file, bit);
    }
  });

  it('finds every bit that flips in an entry, and says in which', async () => {
    const { dir, config } = await copyOfData('entry-flips');
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
      const { dir, config } = await copyOfData('log-flips');
      const file = join(dir, 'logdb', 'log.mdb');
      const good = await readFile(file);
      const content = await storedContent(dir);
      const whole = (await drakkarJSON('check', '--config', config)).result;
      const random = new SeededRandom(9);
      const finds = { checksum: 0, engine: 0, died: 0, nobody: 0 };
      for (let round = 0; round < FLIPS_IN_LOG; round++) {
        const bit = random.nextInt(good.length * 8);
        await flipBit(file, bit);
        const { exitCode, result } = await drakkarJSON('check', '--config', config);
        if (exitCode === 0) {
          finds.nobody++;
          // Not found, and no loss: all that was there can be read, and is as it was.
          expect({ bit, result }).toEqual({ bit, result: whole });
          expect({ bit, content: await storedContent(dir) }).toEqual({ bit, content });
        } else {
          expect({ bit, exitCode }).toEqual({ bit, exitCode: 1 });
          const texts = result.problems?.map(({ message }) => message).join('\n') ?? '';
          if (texts.includes('the storage engine')) finds.died++;
          else if (texts.includes('checksum')) finds.checksum++;
          else finds.engine++;
        }
        await writeFile(file, good);
        await rm(`${file}-lock`, { force: true });
      }
      const found = FLIPS_IN_LOG - finds.nobody;
      process.stdout.write(`flips in log.mdb: ${JSON.stringify(finds)} of ${FLIPS_IN_LOG}\n`);
      expect(found).toBeGreaterThan(0);
    },
    60_000 + FLIPS_IN_LOG * 8_000,
  );
});

describe('drakkar logdb copy', () => {
  /** A LogDB that is not one of this project, found by its path; `change` may spoil it. */
  const otherLogDB = async (change = ''): Promise<string> => {
    const inversify = JSON.stringify(INVERSIFY);
    const lmdb = JSON.stringify(new URL('../../logdb-lmdb/dist/index.js', import.meta.url).href);
    const module = join(scratch, change === '' ? 'other.mjs' : 'spoilt.mjs');
    await writeFile(
      module,
      `import { ContainerModule } from ${inversify};
       import { adapterModule as lmdb, openLmdbLogDB } from ${lmdb};
       const open = async (config) => {
         const db = await openLmdbLogDB(config, { pageSizeBytes: 16384 });
         ${change}
         return db;
       };
       export const adapterModule = {
         ...lmdb,
         name: 'other',
         createModule: () => new ContainerModule(({ bind }) => {
           bind(Symbol.for('@drakkar/raftio/LogDBFactory')).toConstantValue(open);
         }),
       };`,
    );
    return module;
  };
  const places = (target: string, module = 'lmdb'): string[] => [
    '--from',
    `lmdb:${join(node.dir, 'logdb')}`,
    '--to',
    `${module}:${target}`,
  ];

  it('makes a log that is equal, and that a host can work with', async () => {
    const target = join(scratch, 'copied-log');
    const before = await contentOf(node.dir);
    const { exitCode, result } = await drakkarJSON('logdb', 'copy', ...places(target));
    expect(exitCode).toBe(0);
    expect(result.replicas).toMatchObject([{ clusterID: 1, nodeID: 1, snapshots: 2 }]);
    expect(await contentOf(node.dir)).toEqual(before);
    expect(existsSync(`${target}.partial`)).toBe(false);
    const { dir, config } = await copyOfData('with-copied-log');
    const original = await drakkarJSON('inspect', '--config', config);
    await rm(join(dir, 'logdb'), { recursive: true });
    await cp(target, join(dir, 'logdb'), { recursive: true });
    const copied = await drakkarJSON('inspect', '--config', config);
    expect(copied.result.replicas).toEqual(original.result.replicas);
    expect((await drakkar('check', '--config', config)).exitCode).toBe(0);
  });

  it('copies to a LogDB of another kind and back, and loses nothing', async () => {
    const module = await otherLogDB();
    const other = join(scratch, 'other-log');
    const back = join(scratch, 'log-and-back');
    const there = await drakkarJSON('logdb', 'copy', ...places(other, module));
    expect(there.exitCode).toBe(0);
    const again = await drakkarJSON('logdb', 'copy', '--from', `${module}:${other}`, '--to', `lmdb:${back}`);
    expect(again.exitCode).toBe(0);
    expect(again.result.replicas).toEqual(there.result.replicas);
  });

  it('tells when the copy is not equal, and does not give it its name', async () => {
    const module = await otherLogDB(`
      const saveBootstrapInfo = db.saveBootstrapInfo.bind(db);
      db.saveBootstrapInfo = (c, n, bootstrap) => saveBootstrapInfo(c, n, { ...bootstrap, join: !bootstrap.join });`);
    const target = join(scratch, 'forged');
    const { exitCode, result } = await drakkarJSON('logdb', 'copy', ...places(target, module));
    expect(exitCode).toBe(1);
    expect(result.problems).toEqual(['group 1 node 1: bootstrap of the copy differs from the source']);
    expect(existsSync(target)).toBe(false);
    const retry = await drakkar('logdb', 'copy', ...places(target, module));
    expect(retry.exitCode).toBe(2);
    expect(retry.stderr).toContain('remove it and try again');
  });

  it('refuses a folder that holds something', async () => {
    const target = join(scratch, 'taken');
    await mkdir(target);
    await writeFile(join(target, 'file'), 'mine');
    const { exitCode, stderr } = await drakkar('logdb', 'copy', ...places(target));
    expect(exitCode).toBe(2);
    expect(stderr).toContain('is not empty');
    expect(await readdir(target)).toEqual(['file']);
  });
});

describe('drakkar serve', () => {
  it('runs a host with its app until it is told to stop', async () => {
    const { dir, config } = await copyOfData('served');
    const app = join(scratch, 'app.mjs');
    const marks = join(scratch, 'marks');
    await writeFile(
      app,
      `import { appendFileSync } from 'node:fs';
       export async function start(host) {
         appendFileSync(${JSON.stringify(marks)}, 'start ' + host.constructor.name + '\\n');
         return () => appendFileSync(${JSON.stringify(marks)}, 'stop\\n');
       }`,
    );
    const running = start(['serve', '--config', config, '--app', app, '--json']);
    await eventually('the host to run', () => (running.stdout().includes('"started"') ? true : undefined));
    expect((await drakkar('inspect', '--dir', dir)).stderr).toContain('ERR_LOCK_DIRECTORY');
    running.kill('SIGTERM');
    expect((await running.done).exitCode).toBe(0);
    expect(await readFile(marks, 'utf8')).toBe('start NodeHost\nstop\n');
    expect((await drakkar('check', '--config', config)).exitCode).toBe(0);
  });

  it('stops the host when the app can not start', async () => {
    const { dir, config } = await copyOfData('not-served');
    const app = join(scratch, 'failing.mjs');
    await writeFile(app, `export const start = () => { throw new Error('no coffee'); };`);
    const { exitCode, stderr } = await drakkar('serve', '--config', config, '--app', app);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('no coffee');
    expect((await drakkar('inspect', '--dir', dir)).exitCode).toBe(0);
  });
});

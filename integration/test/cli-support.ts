import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { openLmdbLogDB } from '@drakkar/logdb-lmdb';
import { type ILogDB, encodeEntries } from '@drakkar/raftio';
import { CLUSTER, TestCluster, type TestNode, Workshop } from './support.js';

export const MAIN = fileURLToPath(new URL('../../cli/dist/main.js', import.meta.url));
if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run "npm run build" before these tests`);

export interface Finished {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  pid: number;
  stdout: () => string;
  stderr: () => string;
  /** Has nobody read the standard output any more. */
  closeStdout: () => void;
  kill: (signal: NodeJS.Signals) => void;
  done: Promise<Finished>;
}

/** Gathers in `said` what a process says, until it ends. */
export function finished(
  child: ChildProcessByStdio<Writable | null, Readable, Readable>,
  said = { stdout: '', stderr: '' },
): Promise<Finished> {
  child.stdout.on('data', (data: Buffer) => (said.stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (said.stderr += data.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, ...said }));
  });
}

/** Starts the command as a user would; `before` is what comes before it on the command line. */
export function start(args: readonly string[], before: readonly string[] = []): Running {
  const [command = '', ...words] = [...before, process.execPath, MAIN, ...args];
  const child = spawn(command, words, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  const done = finished(child, said);
  return {
    pid: child.pid ?? 0,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    closeStdout: () => void child.stdout.destroy(),
    kill: (signal) => void child.kill(signal),
    done,
  };
}

export const drakkar = (...args: string[]): Promise<Finished> => start(args).done;

export interface Result {
  ok: boolean;
  seal?: 'valid' | 'none' | 'broken' | null;
  error?: { code: string; message: string };
  replicas?: Record<string, unknown>[];
  unchecked?: { part: string; code?: string; message: string }[];
  problems?: { part: string; code?: string; clusterID?: number; message: string }[];
  identity?: Record<string, unknown>;
  unusedLogDBs?: string[];
}

/** What a command gives with --json. */
export interface Checked {
  exitCode: number | null;
  result: Result;
}

export async function drakkarJSON<T = Result>(
  ...args: string[]
): Promise<{ exitCode: number | null; result: T; stderr: string }> {
  const { exitCode, stdout, stderr } = await drakkar(...args, '--json');
  return { exitCode, result: JSON.parse(stdout) as T, stderr };
}

/** Runs command lines in one process, and in another one when damage has ended that. */
export class CliProcess {
  #child: ChildProcessByStdio<Writable, Readable, null> | undefined;

  /** Without an exit code when the process has ended. */
  run(...args: string[]): Promise<Finished> {
    const child = (this.#child ??= this.#start());
    return new Promise((resolve) => {
      let said = '';
      const onData = (data: Buffer): void => {
        said += data.toString();
        if (said.endsWith('\n')) finish(JSON.parse(said) as Finished);
      };
      const onClose = (_exitCode: number | null, signal: NodeJS.Signals | null): void => {
        this.#child = undefined;
        finish({ exitCode: null, signal, stdout: '{}', stderr: '' });
      };
      const finish = (finished: Finished): void => {
        child.off('close', onClose);
        child.stdout.off('data', onData);
        resolve(finished);
      };
      child.stdout.on('data', onData);
      child.once('close', onClose);
      child.stdin.write(`${JSON.stringify(args)}\n`);
    });
  }

  /** Verifies data, and gives the result. */
  async check(...args: string[]): Promise<Checked & { stderr: string }> {
    const { exitCode, stdout, stderr } = await this.run('check', ...args, '--in-process', '--json');
    return { exitCode, result: JSON.parse(stdout) as Result, stderr };
  }

  stop(): void {
    this.#child?.kill('SIGKILL');
  }

  #start(): ChildProcessByStdio<Writable, Readable, null> {
    const script = fileURLToPath(new URL('cli-process.mjs', import.meta.url));
    const args = [script, pathToFileURL(join(MAIN, '../program.js')).href];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => undefined); // its end is told by `close`
    return child;
  }
}

/** Arguments by which the group of these tests is exported. */
export function exportArgs(config: string, to: string): string[] {
  return ['snapshot', 'export', '--config', config, '--cluster', String(CLUSTER), '--to', to];
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

export const INFO = { clusterID: CLUSTER, nodeID: 1 };
export const NOTHING = { entriesToSave: [], snapshot: undefined };
export async function lastIndexOf(db: ILogDB): Promise<number> {
  const found = await db.readRaftState(INFO.clusterID, INFO.nodeID, 0);
  return found === undefined ? 0 : found.firstIndex + found.entryCount - 1;
}

async function firstIndexOf(db: ILogDB): Promise<number> {
  return (await db.readRaftState(INFO.clusterID, INFO.nodeID, 0))?.firstIndex ?? 0;
}

/** A configuration for the host at an address, with its data in a folder. */
export async function writeConfig(file: string, of: { address: string; dir: string }): Promise<string> {
  await writeFile(
    file,
    `raftAddress: "${of.address}"\nnodeHostDir: ${of.dir}\nrttMillisecond: 20\nlogdb:\n  module: lmdb\nlog:\n  level: silent\n`,
  );
  return file;
}

export const SEAL_FILE_NAME = 'drakkar.seal';

/**
 * Files that hold data: not those by which processes keep off each other, which change whenever they do, nor the seal,
 * which is about those too.
 */
export async function dataFiles(dir: string): Promise<string[]> {
  const all = await readdir(dir, { recursive: true, withFileTypes: true });
  return all
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name))
    .filter((path) => !relative(dir, path).startsWith('LOCK') && !/lock\.mdb|-lock$/.test(path))
    .filter((path) => relative(dir, path) !== SEAL_FILE_NAME)
    .sort();
}

/**
 * Every file byte for byte, but for that of LMDB, which begins another page whenever it is opened: of that, what it
 * gives.
 */
export async function contentOf(dir: string): Promise<Map<string, unknown>> {
  const content = new Map<string, unknown>();
  for (const path of await dataFiles(dir)) {
    const isLMDB = path.endsWith('log.mdb');
    const bytes = isLMDB ? await storedContent(dir) : (await readFile(path)).toString('base64');
    content.set(relative(dir, path), bytes);
  }
  return content;
}

/** All that the LogDB of a data directory gives, in a form that can be compared. The directory stays as it is. */
export async function storedContent(dataDir: string): Promise<unknown> {
  const dir = await mkdtemp(join(tmpdir(), 'drakkar-content-'));
  try {
    await cp(join(dataDir, 'logdb'), dir, { recursive: true });
    return await contentOfLogDB(dir);
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function contentOfLogDB(dir: string): Promise<unknown> {
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

/** A host that is stopped, and a folder for what a test makes of its data. */
export class StoppedHost {
  readonly #workshop = new Workshop();
  #node: TestNode | undefined;
  #scratch = '';
  #configFile = '';

  async make(): Promise<void> {
    this.#node = await makeData(this.#workshop);
    this.#scratch = join(await this.#workshop.dir(), 'scratch');
    await mkdir(this.#scratch);
    this.#configFile = await writeConfig(this.scratch('host.yaml'), this.node);
  }

  clear(): Promise<void> {
    return this.#workshop.clear();
  }

  get node(): TestNode {
    if (this.#node === undefined) throw new Error('make() was not called');
    return this.#node;
  }

  /** Its configuration. */
  get configFile(): string {
    return this.#configFile;
  }

  /** A path for a test to use. */
  scratch(name: string): string {
    return join(this.#scratch, name);
  }

  /** A copy of the data, to be damaged; without the seal, which would tell before anything else is read. */
  async copyOfData(name: string): Promise<{ dir: string; config: string }> {
    const copy = await this.sealedCopyOfData(name);
    await rm(join(copy.dir, SEAL_FILE_NAME));
    return copy;
  }

  /** A copy of the data, as the host left it. */
  async sealedCopyOfData(name: string): Promise<{ dir: string; config: string }> {
    const { dir: source, address } = this.node;
    const dir = this.scratch(name);
    await rm(dir, { recursive: true, force: true });
    await cp(source, dir, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    return { dir, config: await writeConfig(`${dir}.yaml`, { address, dir }) };
  }
}

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../framework/dist/cli/main.js', import.meta.url));
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
  kill: (signal: NodeJS.Signals) => void;
  done: Promise<Finished>;
}

/** Starts the command as a user would. */
export function start(args: readonly string[]): Running {
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

export const drakkar = (...args: string[]): Promise<Finished> => start(args).done;

export interface Result {
  ok: boolean;
  error?: { code: string; message: string };
  replicas?: Record<string, unknown>[];
  problems?: { part: string; code?: string; clusterID?: number; message: string }[];
  identity?: Record<string, unknown>;
  unusedLogDBs?: string[];
}

export async function drakkarJSON<T = Result>(
  ...args: string[]
): Promise<{ exitCode: number | null; result: T; stderr: string }> {
  const { exitCode, stdout, stderr } = await drakkar(...args, '--json');
  return { exitCode, result: JSON.parse(stdout) as T, stderr };
}

/** A configuration for the host at an address, with its data in a folder. */
export async function writeConfig(file: string, of: { address: string; dir: string }): Promise<string> {
  await writeFile(
    file,
    `raftAddress: "${of.address}"\nnodeHostDir: ${of.dir}\nrttMillisecond: 20\nlogdb:\n  module: lmdb\nlog:\n  level: silent\n`,
  );
  return file;
}

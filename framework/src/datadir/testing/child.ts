import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { transform } from '@swc/core';

const SOURCES = join(import.meta.dirname, '..', '..');

async function transpileFolder(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts') || /\.test\.ts$/.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const target = join(to, path.slice(from.length).replace(/\.ts$/, '.js'));
    const { code } = await transform(await readFile(path, 'utf8'), {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'es6' },
    });
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, code);
  }
}

/** Makes folders of the framework's source runnable by plain Node, in `outDir`, so that other processes can run it. */
export async function transpile(outDir: string): Promise<void> {
  for (const folder of ['config', 'datadir', 'errors', 'fs', 'logging', 'runtime']) {
    await transpileFolder(join(SOURCES, folder), join(outDir, folder));
  }
  const raftio = join(outDir, 'node_modules', '@drakkar', 'raftio');
  await transpileFolder(join(SOURCES, '..', '..', 'raftio', 'src'), raftio);
  const type = JSON.stringify({ type: 'module', exports: './index.js' });
  await writeFile(join(raftio, 'package.json'), type);
  await writeFile(join(outDir, 'package.json'), type);
}

export interface Child {
  /** The next line that it writes. Rejects when it ends first, with what it wrote to its error output. */
  nextLine(): Promise<string>;
  kill(signal: NodeJS.Signals): Promise<void>;
  send(line: string): void;
}

/** Runs a module in a process of its own. */
export function runChild(script: string, args: readonly string[]): Child {
  const process_: ChildProcess = spawn(process.execPath, [script, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  let rest = '';
  let errors = '';
  let ended = false;
  process_.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  process_.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      const waiter = waiting.shift();
      if (waiter === undefined) lines.push(line);
      else waiter.resolve(line);
    }
  });
  const end = new Promise<void>((resolve) => {
    process_.once('close', () => {
      ended = true;
      for (const { reject } of waiting.splice(0)) reject(new Error(`the child has ended: ${errors}`));
      resolve();
    });
  });
  return {
    nextLine: () => {
      const line = lines.shift();
      if (line !== undefined) return Promise.resolve(line);
      if (ended) return Promise.reject(new Error(`the child has ended: ${errors}`));
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    kill: async (signal) => {
      process_.kill(signal);
      // A stopped process is still there.
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await end;
    },
    send: (line) => void process_.stdin?.write(`${line}\n`),
  };
}

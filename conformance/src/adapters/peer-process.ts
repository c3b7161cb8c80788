import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Peer, PeerCommand, PeerLine, PeerReport, PeerTask } from '../rpc/peer.js';
import { notApplicable } from '../suite/assert.js';

/** The compiled child script, wherever this file runs from: source under a test runner, or dist. */
const SCRIPT = fileURLToPath(new URL('../../dist/adapters/peer-child.js', import.meta.url));
const STDERR_CHARS = 2000;

class PeerProcess implements Peer {
  readonly ready: Promise<void>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #gone: Promise<void>;
  readonly #asked: ((report: PeerReport | Error) => void)[] = [];
  #failure: Error | undefined;

  constructor(
    readonly address: string,
    child: ChildProcessByStdio<Writable, Readable, Readable>,
  ) {
    this.#child = child;
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => {
      stderr = (stderr + text.toString()).slice(-STDERR_CHARS);
    });
    child.stdin.on('error', () => undefined);
    this.#gone = new Promise((resolve) => {
      child.on('close', (exitCode, signal) => {
        this.#fail(new Error(`the peer's process ended, ${signal ?? exitCode}: ${stderr}`));
        resolve();
      });
      child.on('error', (error) => {
        this.#fail(error);
        resolve();
      });
    });
    this.ready = new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (text) => {
        const line = JSON.parse(text) as PeerLine;
        if ('ready' in line) resolve();
        else if ('failed' in line) this.#fail(new Error(`the peer could not send: ${line.failed}`));
        else this.#asked.shift()?.(line.report);
      });
      void this.#gone.then(() => {
        reject(this.#failure ?? new Error('the peer ended'));
      });
    });
  }

  send(target: string, total: number): void {
    this.#tell({ send: { target, total } });
  }

  rest(): void {
    this.#tell({ rest: true });
  }

  slowDown(handlerMs: number): void {
    this.#tell({ slowDown: handlerMs });
  }

  async mark(): Promise<void> {
    await this.#ask({ mark: true });
  }

  report(): Promise<PeerReport> {
    return this.#ask({ report: true });
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    return this.#gone;
  }

  #tell(command: PeerCommand): void {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
  }

  #ask(command: PeerCommand): Promise<PeerReport> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#asked.push((answer) => {
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      });
      this.#tell(command);
    });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const answer of this.#asked.splice(0)) answer(error);
  }
}

/** Starts a host of the adapter in a process of its own. */
export async function spawnPeer(task: PeerTask): Promise<Peer> {
  if (!existsSync(SCRIPT)) notApplicable('the package is not built: run its build first');
  const args = ['--expose-gc', SCRIPT, JSON.stringify(task)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const peer = new PeerProcess(task.address, child);
  try {
    await peer.ready;
  } catch (error) {
    await peer.kill();
    throw error;
  }
  return peer;
}

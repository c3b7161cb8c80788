import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('saver-process.mjs', import.meta.url));
const DEADLINE_MS = 20_000;

/** A LogDB as another process opens it. */
export interface SavedLogDB {
  /** The folder of the package in this project. */
  folder: string;
  /** Name of the function that it exports. */
  opener: string;
  options: object;
}

export interface SaverOptions {
  payloadBytes?: number;
  /** Limit of the size of any file it writes, in units of 512 or 1024 bytes as the shell has it. */
  fileSizeBlocks?: number;
}

/** A process that saves to a log, and what it has said. */
export class Saver {
  readonly #process: ChildProcess;
  readonly #exited: Promise<void>;
  #text = '';
  #onText: () => void = () => undefined;

  constructor(dir: string, logDB: SavedLogDB, options: SaverOptions = {}) {
    const built = fileURLToPath(new URL(`../../${logDB.folder}/dist/index.js`, import.meta.url));
    if (!existsSync(built)) throw new Error('this test runs the built package: npm run build first');
    const adapter = [`@drakkar/${logDB.folder}`, logDB.opener, JSON.stringify(logDB.options)];
    const args = [SCRIPT, dir, ...adapter, String(options.payloadBytes ?? 64)];
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    this.#process =
      options.fileSizeBlocks === undefined
        ? spawn(process.execPath, args, { stdio })
        : spawn(
            '/bin/sh',
            ['-c', `ulimit -f ${options.fileSizeBlocks} && exec "$0" "$@"`, process.execPath, ...args],
            { stdio },
          );
    this.#exited = new Promise((resolve) => {
      this.#process.once('close', () => {
        resolve();
        this.#onText();
      });
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      this.#onText();
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whole lines only: the last may have been cut off by the end of the process. */
  get lines(): string[] {
    return this.#text.split('\n').slice(0, -1);
  }

  get lastSaved(): number {
    return Math.max(0, ...this.lines.map((line) => Number(/^saved (\d+)$/.exec(line)?.[1] ?? 0)));
  }

  async until(condition: (lines: string[]) => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    while (!condition(this.lines)) {
      if (deadline.aborted)
        throw new Error(`the saver does not get there; it said: ${this.#text.slice(-500)}`);
      if (this.#process.exitCode !== null) throw new Error(`the saver ended: ${this.#text.slice(-500)}`);
      await new Promise<void>((resolve) => {
        this.#onText = resolve;
        deadline.addEventListener('abort', () => {
          resolve();
        });
      });
    }
  }

  /** Ends it on the spot, as `kill -9`. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
  }

  async exited(): Promise<void> {
    await this.#exited;
  }
}

import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChildMessage, CommandTable, ParentMessage } from './commands.js';

export interface NodeProcessOptions {
  /** Compiled script that calls `serveParent`. */
  script: string;
  args: readonly string[];
  /** What the process prints is appended to it. */
  logPath: string;
}

interface Waiting {
  resolve: (answer: unknown) => void;
  reject: (error: Error) => void;
}

const LOG_TAIL_CHARACTERS = 4_000;

/** A child process that runs one NodeHost, as its parent sees it. */
export class NodeProcess<C extends CommandTable<C>, News> {
  readonly exited: Promise<string>;
  /** What the process told last. */
  news: News | undefined;
  readonly #child: ChildProcess;
  readonly #logPath: string;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready: Promise<void>;
  #nextID = 1;
  #hasExited = false;

  constructor({ script, args, logPath }: NodeProcessOptions) {
    this.#logPath = logPath;
    const log = openSync(logPath, 'a');
    // Whatever flags the parent runs under (a test runner's, say) are not for the child.
    this.#child = fork(script, args, { execArgv: [], stdio: ['ignore', log, log, 'ipc'] });
    closeSync(log);
    this.exited = new Promise((resolve) => {
      this.#child.once('error', (error) => this.#onExit(resolve, `could not be started: ${error.message}`));
      this.#child.once('exit', (code, signal) => this.#onExit(resolve, `ended with ${signal ?? code}`));
    });
    this.#ready = new Promise((resolve, reject) => {
      this.#waiting.set(0, { resolve: () => resolve(), reject });
    });
    this.#ready.catch(() => {});
    this.#child.on('message', (message) => this.#onMessage(message as ChildMessage));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return !this.#hasExited;
  }

  /** Resolves when the host in the process serves. Rejects, with the end of its log, if it ends before that. */
  async ready(timeoutMs: number): Promise<void> {
    await this.#within(this.#ready, timeoutMs, 'start');
  }

  /** Rejects when the command fails there, when the process ends, and when there is no answer in time. */
  async call<K extends keyof C & string>(
    command: K,
    argument: C[K]['takes'],
    timeoutMs: number,
  ): Promise<C[K]['answers']> {
    const id = this.#nextID;
    this.#nextID += 1;
    const answer = new Promise<unknown>((resolve, reject) => {
      if (this.#hasExited) throw new Error(`${command}: the process has ended`);
      this.#waiting.set(id, { resolve, reject });
      const message: ParentMessage = { id, command, argument };
      // A failed send is followed by the exit, which rejects what waits.
      this.#child.send(message, () => {});
    });
    return await this.#within(answer, timeoutMs, command);
  }

  /** kill -9: nothing of the process gets a chance to tidy up. Resolves when it is gone. */
  async killHard(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /**
   * Ends the process in order: it answers the command `shutdown`, and then, with the channel to its parent closed,
   * has nothing left to do. A process that goes on nevertheless has left a handle open: that rejects, after a kill.
   */
  async shutDown(command: keyof C & string, timeoutMs: number): Promise<void> {
    await this.call(command, null, timeoutMs);
    if (this.#child.connected) this.#child.disconnect();
    try {
      const how = await this.#within(this.exited, timeoutMs, 'end after shutdown');
      if (how !== 'ended with 0') throw new Error(`process ${this.pid ?? ''} ${how} after shutdown`);
    } catch (error) {
      await this.killHard();
      throw error;
    }
  }

  /** The end of what the process printed. */
  logTail(): string {
    try {
      return readFileSync(this.#logPath, 'utf8').slice(-LOG_TAIL_CHARACTERS).trim();
    } catch {
      return '';
    }
  }

  #onMessage(message: ChildMessage): void {
    if (message.type === 'news') {
      this.news = message.news as News;
      return;
    }
    const id = message.type === 'ready' ? 0 : message.id;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (message.type === 'refusal') waiting?.reject(new Error(message.message));
    else waiting?.resolve(message.type === 'answer' ? message.answer : undefined);
  }

  #onExit(resolve: (how: string) => void, how: string): void {
    this.#hasExited = true;
    const tail = this.logTail();
    const error = new Error(
      `process ${this.pid ?? ''} ${how}${tail === '' ? '' : `; its log ends:\n${tail}`}`,
    );
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    resolve(how);
  }

  async #within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
    const timer = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: timer.signal }).then(() => {
      throw new Error(`${what}: no answer from process ${this.pid ?? ''} within ${timeoutMs} ms`);
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      timer.abort();
      // The loser of the race has nobody else to hear of its end.
      late.catch(() => {});
      promise.catch(() => {});
    }
  }
}

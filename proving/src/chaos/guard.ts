import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Tidies up when this process ends without having done so, by kill -9 for one: processes that were stopped with
 * SIGSTOP would not even notice that, and file systems would stay mounted. A process of its own, which lives as long
 * as the pipe to this one.
 */
export class Guard {
  readonly #process: ChildProcess;

  /** @param script compiled, see chaos-guard.ts */
  constructor(script: string) {
    // In a session of its own: Ctrl-C must not reach it before this process is done.
    this.#process = spawn(process.execPath, [script], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#process.stdin?.on('error', () => {});
  }

  watchProcess(pid: number): void {
    this.#tell(`+process ${pid}`);
  }

  forgetProcess(pid: number): void {
    this.#tell(`-process ${pid}`);
  }

  watchMount(dir: string): void {
    this.#tell(`+mount ${dir}`);
  }

  forgetMount(dir: string): void {
    this.#tell(`-mount ${dir}`);
  }

  /** When there is nothing to guard any more. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
      throw new Error(
        `the guard has ended by itself, with ${this.#process.signalCode ?? this.#process.exitCode}`,
      );
    }
    const ended = once(this.#process, 'exit');
    this.#process.stdin?.end();
    await ended;
  }

  #tell(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }
}

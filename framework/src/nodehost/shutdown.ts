import { ErrStopTimeout } from '../errors/index.js';
import type { ILogger } from '../logging/logger.js';
import type { IClock } from '../runtime/clock.js';
import { finishesWithin } from '../runtime/finishes-within.js';
import { type Operations, describeOperations } from '../runtime/operations.js';

export interface ShutdownOptions {
  /** For everything together but the seal; 0 = no limit. */
  timeoutMs: number;
  /** For the seal. */
  sealTimeoutMs: number;
  clock: IClock;
  operations: Operations;
  log: ILogger;
  /** Something has failed, or was left behind. */
  onFailure: () => void;
}

interface Step {
  name: string;
  run: () => Promise<void>;
  /** Part of the time after which the steps that follow begin all the same; `undefined`: they never do before it ends. */
  share: number | undefined;
  /** It has a time of its own. */
  isSeal: boolean;
}

/**
 * Releases what a host is made of, in the reverse order of how it was made. No step is waited for without limit: what
 * does not end is named in the error and left behind; it goes on, and what must not be released before it (the LogDB,
 * the lock of the data directory) is released when it has ended, if it ever does.
 */
export class Shutdown {
  readonly #options: ShutdownOptions;
  readonly #steps: Step[] = [];
  readonly #errors: unknown[] = [];
  #isSealing = false;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  /** A step that those which follow need not wait for longer than `share` of the time. */
  pushBounded(name: string, share: number, run: () => Promise<void>): void {
    this.#steps.push({ name, run, share, isSeal: false });
  }

  push(name: string, run: () => Promise<void>): void {
    this.#steps.push({ name, run, share: undefined, isSeal: false });
  }

  /** The step that `sealTimeoutMs` is for. */
  pushSeal(run: () => Promise<void>): void {
    this.#steps.push({ name: 'sealing the data directory', run, share: undefined, isSeal: true });
  }

  /** @throws ErrStopTimeout when the time is up; else the first error that came up */
  async run(): Promise<void> {
    const { timeoutMs, sealTimeoutMs, clock, operations, log } = this.#options;
    const all = this.#runAll();
    try {
      if (await finishesWithin(all, timeoutMs, clock)) return;
      if (this.#isSealing && (await finishesWithin(all, sealTimeoutMs, clock))) return;
      const error = this.#timeout(
        `this host has not stopped within ${timeoutMs} ms`,
        '. What is left behind keeps the data directory locked: end the process',
      );
      log.error('stop() leaves behind what has not ended', { err: error });
      void all.then(
        () => log.info('what stop() left behind has ended', {}),
        (err: unknown) => log.info('what stop() left behind has ended', { err }),
      );
      throw error;
    } finally {
      operations.stop();
    }
  }

  async #runAll(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop())
      await this.#runStep(step);
    this.#isSealing = false;
    if (this.#errors.length > 0) throw this.#errors[0];
  }

  async #runStep({ name, run, share, isSeal }: Step): Promise<void> {
    this.#isSealing = isSeal;
    const { timeoutMs, clock, operations } = this.#options;
    const limitMs = share === undefined ? 0 : timeoutMs * share;
    try {
      const work = operations.watch(name, () => [], run);
      if (await finishesWithin(work, limitMs, clock)) return;
      work.catch(() => undefined); // nobody waits for it any more
      this.#failed(this.#timeout(`${name} has not ended within ${limitMs} ms`));
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#errors.push(error);
    this.#options.onFailure();
  }

  #timeout(what: string, advice = ''): ErrStopTimeout {
    const waits = this.#options.operations.list();
    this.#options.onFailure();
    const clusterIDs = [...new Set(waits.flatMap((wait) => wait.clusterIDs))].sort((a, b) => a - b);
    return new ErrStopTimeout(`${what}; it waits for ${describeOperations(waits)}${advice}`, {
      details: { clusterIDs, waits },
    });
  }
}

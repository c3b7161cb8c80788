import type { Entry, Snapshot } from '@drakkar/raftio';

/** What is done to the replicated state machine, in the order of the log. */
type Task = { entries: readonly Entry[] } | { snapshot: Snapshot };

export interface ApplyQueueActions {
  /** Applies entries; a promise only if the state machine returned one. */
  apply(entries: readonly Entry[]): void | Promise<void>;
  /** Replaces the state by that of a snapshot that was received. */
  recover(snapshot: Snapshot): Promise<void>;
  /** Called after each task with the index that the state machine has reached. */
  done(index: number): void;
  /** A task failed: nothing more is done. */
  failed(error: unknown): void;
}

/**
 * Feeds the state machine. What can be applied at once is applied at once, within the engine's turn; when something
 * takes its time, what comes meanwhile waits its turn.
 */
export class ApplyQueue {
  readonly #actions: ApplyQueueActions;
  #waiting: Task[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(actions: ApplyQueueActions) {
    this.#actions = actions;
  }

  /** Throws what the state machine throws, when it does so at once. */
  entries(entries: readonly Entry[]): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) {
      this.#waiting.push({ entries });
      return;
    }
    const applying = this.#actions.apply(entries);
    if (applying === undefined) this.#done({ entries });
    else this.#running = this.#run(applying, { entries });
  }

  snapshot(snapshot: Snapshot): void {
    if (this.#stopped) return;
    if (this.#running !== undefined) this.#waiting.push({ snapshot });
    else this.#running = this.#run(this.#actions.recover(snapshot), { snapshot });
  }

  /** Starts nothing more; resolves when what is running has ended. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting = [];
    await this.#running;
  }

  async #run(started: Promise<void>, first: Task): Promise<void> {
    try {
      await started;
      this.#done(first);
      for (let task = this.#waiting.shift(); task !== undefined; task = this.#waiting.shift()) {
        if ('entries' in task) await this.#actions.apply(task.entries);
        else await this.#actions.recover(task.snapshot);
        this.#done(task);
      }
    } catch (error) {
      if (!this.#stopped) this.#actions.failed(error);
    } finally {
      this.#running = undefined;
    }
  }

  #done(task: Task): void {
    if (this.#stopped) return;
    const index = 'entries' in task ? task.entries[task.entries.length - 1]?.index : task.snapshot.index;
    if (index !== undefined) this.#actions.done(index);
  }
}

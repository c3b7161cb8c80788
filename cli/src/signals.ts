import { constants } from 'node:os';

export type CommandSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** What shells give as the exit code of a process that a signal has ended. */
export function signalExitCode(signal: CommandSignal): number {
  return 128 + constants.signals[signal];
}

/**
 * What a command is asked from outside: to stop, and, while it runs a host, to read its files again. The first request
 * to stop lets the command end what it must not leave half done; a second one ends the process.
 */
export class CommandSignals {
  /** Called for each SIGHUP; without it SIGHUP asks to stop. */
  onHangup: (() => void) | undefined;
  /** Called by a second request to stop, before the process is ended. */
  onSecond: () => void = () => undefined;
  readonly #endProcess: (signal: CommandSignal) => void;
  readonly #controller = new AbortController();
  #stopping: CommandSignal | undefined;
  #reason = '';
  #isDone = false;

  constructor(endProcess: (signal: CommandSignal) => void = () => undefined) {
    this.#endProcess = endProcess;
  }

  /** Aborted by the first request to stop. */
  get stop(): AbortSignal {
    return this.#controller.signal;
  }

  /** The first request to stop. */
  get stopping(): CommandSignal | undefined {
    return this.#stopping;
  }

  /** What has asked it to stop, for people: as a rule the signal. */
  get reason(): string {
    return this.#reason;
  }

  receive(signal: CommandSignal): void {
    if (signal === 'SIGHUP' && this.onHangup !== undefined) {
      this.onHangup();
      return;
    }
    if (this.#stopping === undefined && !this.#isDone) {
      this.requestStop(signal);
      return;
    }
    this.onSecond();
    this.#endProcess(signal);
  }

  /** The command has left all in order: from now on the first signal ends the process, too. */
  done(): void {
    this.#isDone = true;
  }

  /**
   * As the first signal; has no effect after one.
   *
   * @param reason what has asked for it, when that was no signal
   */
  requestStop(signal: CommandSignal, reason: string = signal): void {
    if (this.#stopping !== undefined) return;
    this.#stopping = signal;
    this.#reason = reason;
    this.#controller.abort();
  }

  /** Resolves with the first request to stop. */
  stopped(): Promise<CommandSignal> {
    return new Promise((resolve) => {
      const settle = (): void => resolve(this.#stopping ?? 'SIGTERM');
      if (this.stop.aborted) settle();
      else this.stop.addEventListener('abort', settle, { once: true });
    });
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Ends the process as the signal does that nobody listens for. Not by `process.exit`, which waits for work that hangs;
 * but as process 1, whose signals have no effect of their own, there is nothing else.
 */
function endProcess(signal: CommandSignal): void {
  for (const each of SIGNALS) process.removeAllListeners(each);
  if (process.pid === 1) process.exit(signalExitCode(signal));
  else process.kill(process.pid, signal);
}

/** Signals of this process, from now on. As process 1, those that come before are lost. */
export function listenToProcess(): CommandSignals {
  const signals = new CommandSignals(endProcess);
  for (const each of SIGNALS) process.on(each, () => signals.receive(each));
  return signals;
}

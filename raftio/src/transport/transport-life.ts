import { ErrTransportStopped } from '../errors.js';
import { ConnectAttempts } from './attempts.js';
import { type LivenessOptions, LivenessMonitor, type MonitoredLink } from './liveness.js';
import type { PeerCredentials } from './peer-credentials.js';
import type { PeerWatch } from './peer-watch.js';

/** A connection of either side, as long as it is open. */
export interface HeldLink extends MonitoredLink {
  readonly closed: Promise<unknown>;
  /** Who is at the other end, for messages. */
  readonly peer?: string;
  /** Ends the link at once. Idempotent; `closed` resolves. */
  terminate(reason: Error): void;
}

/**
 * The life of a transport over a network, whatever it is made of: it starts once, unless that fails, and stops once;
 * in between it holds links, which are watched for signs of life, and when it stops nothing of it is left.
 */
export class TransportLife<L extends HeldLink> {
  readonly #links = new Set<L>();
  readonly #attempts = new ConnectAttempts();
  readonly #monitor: LivenessMonitor;
  readonly #listener: { stop(): Promise<void> };
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  /** @param listener stopped along with the links; its `stop` must do no harm when it never listened */
  constructor(options: LivenessOptions, listener: { stop(): Promise<void> }) {
    this.#monitor = new LivenessMonitor(options, this.#links);
    this.#listener = listener;
  }

  /** Whether `stop` was called: nothing may be added any more. */
  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** Runs `listen`, once; again after it has failed. @throws ErrTransportStopped, and what `listen` throws */
  start(listen: () => Promise<void>): Promise<void> {
    if (this.isStopped) return Promise.reject(new ErrTransportStopped());
    this.#started ??= listen().catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    return this.#started;
  }

  /** An attempt to connect: see `ConnectAttempts.run`. */
  connect<T>(target: string, signal: AbortSignal, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#attempts.run(target, signal, attempt);
  }

  /**
   * Watches the link until it is closed; with mutual TLS, the certificates that the peer has shown, too. To be called
   * in the turn in which it opened.
   */
  hold(link: L, watch?: PeerWatch, credentials?: PeerCredentials): void {
    this.#links.add(link);
    this.#monitor.wake();
    const release =
      credentials &&
      watch?.hold(credentials, link.peer ?? 'a peer', (reason) => {
        link.terminate(reason);
      });
    void link.closed.then(() => {
      this.#links.delete(link);
      release?.();
    });
  }

  /** Resolves when everything is closed. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const attemptsEnded = this.#attempts.stop();
    // What is being started must be there before it can be stopped; its failure was told to who started it.
    await this.#started?.catch(() => undefined);
    await attemptsEnded;
    const links = [...this.#links];
    for (const link of links) link.terminate(new ErrTransportStopped());
    await Promise.all([this.#listener.stop(), ...links.map((link) => link.closed)]);
    this.#monitor.stop();
  }
}

import { ErrConnectionClosed } from '../errors.js';
import { type PeerCredentials, isRevokedChain } from './peer-credentials.js';
import type { Identity, IdentityFiles } from './tls-identity.js';
import type { Warnings } from './warnings.js';

/** How often the dates of certificates are looked at. */
const SWEEP_MS = 1000;
/** In so many sweeps the files, and with them the revocation list, are looked at once. */
const SWEEPS_PER_READING = 5;

interface Watched {
  credentials: PeerCredentials;
  /** Who is at the other end, for messages. */
  peer: string;
  end: (reason: Error) => void;
}

/**
 * Open connections with mutual TLS, of whichever side: one is ended when a certificate that its peer has shown expires
 * or is revoked. One timer for all of them, which runs while there are any and never holds the process.
 */
export class PeerWatch {
  readonly #files: IdentityFiles;
  readonly #warnings: Warnings;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  #sweeps = 0;

  constructor(files: IdentityFiles, warnings: Warnings) {
    this.#files = files;
    this.#warnings = warnings;
  }

  /**
   * @param peer who is at the other end, for messages
   * @param end ends the connection; called at most once
   * @returns to be called when the connection is gone
   */
  hold(credentials: PeerCredentials, peer: string, end: (reason: Error) => void): () => void {
    const watched = { credentials, peer, end };
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => {
      this.#sweep();
    }, SWEEP_MS).unref();
    return () => {
      this.#watched.delete(watched);
      if (this.#watched.size === 0) this.#stop();
    };
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    const nowMs = Date.now();
    for (const each of this.#watched) {
      if (!(each.credentials.expiresMs >= nowMs)) this.#end(each, 'has expired');
    }
    this.#sweeps += 1;
    if (this.#sweeps % SWEEPS_PER_READING !== 0) return;
    // Files that can't be used are warned of where they are read.
    void this.#files.current().then(
      (identity) => this.#endRevoked(identity),
      () => undefined,
    );
  }

  /** Reads the files at once, and ends what was revoked. Rejects with ErrTLS when they can't be used. */
  async reload(): Promise<void> {
    this.#endRevoked(await this.#files.reread());
  }

  #endRevoked(identity: Identity): void {
    for (const each of this.#watched) {
      if (isRevokedChain(each.credentials.chain, identity)) this.#end(each, 'was revoked');
    }
  }

  #end(watched: Watched, why: string): void {
    if (!this.#watched.delete(watched)) return;
    if (this.#watched.size === 0) this.#stop();
    const { credentials, peer, end } = watched;
    const message = `the certificate of ${peer} ${why}: the connection is closed`;
    const { fingerprint } = credentials.identity;
    this.#warnings.warn('certificates', message, { peer, fingerprint });
    end(new ErrConnectionClosed(message));
  }
}

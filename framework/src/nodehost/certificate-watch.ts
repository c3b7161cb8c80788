import { X509Certificate } from 'node:crypto';
import type { MutualTLSConfig } from '@drakkar/raftio';
import { exposureOfKey } from '../datadir/access.js';
import type { IEventSink } from '../runtime/event-sink.js';
import type { HostEvents } from '../events/host-listener.js';
import type { IFileSystem } from '../fs/file-system.js';
import type { ILogger } from '../logging/logger.js';
import type { IClock, Timer } from '../runtime/clock.js';

const DAY_MS = 24 * 3_600_000;
/** How often the files are looked at. */
const PERIOD_MS = 3_600_000;
/** Days before the end at which a warning is given, the last first; 0: it has expired. */
const WARN_AT_DAYS = [0, 1, 7, 30];
/** From so few days on it is an error. */
const URGENT_DAYS = 1;
/** Certificates that last no longer are replaced by a program, for which the last days are the usual ones. */
const SHORT_LIVED_DAYS = 2;
const SETTINGS = ['certFile', 'caFile'] as const;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export interface CertificateWatchDependencies {
  files: MutualTLSConfig;
  fileSystem: IFileSystem;
  clock: IClock;
  events: IEventSink<HostEvents>;
  log: ILogger;
}

/**
 * Warns of certificates of this host, and of its CAs, that are about to expire: once at each of several distances; and of
 * a key that others can read.
 */
export class CertificateWatch {
  readonly #deps: CertificateWatchDependencies;
  /** By file and fingerprint: the days of the last warning. */
  #warnedAt = new Map<string, number>();
  /** Of the key, as it was warned of last. */
  #exposedMode: string | undefined;
  #looking: Promise<void> | undefined;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(deps: CertificateWatchDependencies) {
    this.#deps = deps;
  }

  /** Looks now, and then every hour. */
  async start(): Promise<void> {
    await this.look();
    if (this.#isStopped) return;
    this.#timer = this.#deps.clock.setInterval(() => void this.look(), PERIOD_MS);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Never rejects: files that can't be used are warned of where they are. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const warnedAt = new Map<string, number>();
    for (const setting of SETTINGS) {
      for (const certificate of await this.#read(setting)) {
        const key = `${setting} ${certificate.fingerprint256}`;
        const before = this.#warnedAt.get(key) ?? Infinity;
        // Not the least of both: a clock that was wrong, and says so, must not use up later warnings.
        warnedAt.set(key, this.#check(setting, certificate, before));
      }
    }
    this.#warnedAt = warnedAt;
    await this.#lookAtKey();
  }

  /** Who renews a certificate may leave its key for others to read. */
  async #lookAtKey(): Promise<void> {
    const { files, fileSystem, events, log } = this.#deps;
    const exposed = await exposureOfKey(fileSystem, files.keyFile);
    if (exposed !== undefined && exposed.mode !== this.#exposedMode) {
      const { path, mode } = exposed;
      log.warn(
        'other users can read the key of this host, and so speak in its name: make the file readable by the user that runs the host alone (chmod 600), and consider a new key',
        { event: 'filesExposed', path, mode },
      );
      events.emit('filesExposed', { path, what: 'key', mode, error: undefined });
    }
    this.#exposedMode = exposed?.mode;
  }

  async #read(setting: (typeof SETTINGS)[number]): Promise<X509Certificate[]> {
    try {
      const bytes = await this.#deps.fileSystem.readFile(this.#deps.files[setting]);
      const pem = Buffer.from(bytes).toString();
      return (pem.match(PEM_CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
    } catch {
      return [];
    }
  }

  /** Warns unless that was done `before`, at so few days; returns the distance that has been reached. */
  #check(setting: (typeof SETTINGS)[number], certificate: X509Certificate, before: number): number {
    const { validFrom, validTo } = certificate;
    const expiresMs = Date.parse(validTo);
    const daysLeft = Math.floor((expiresMs - this.#deps.clock.wallTimeMs()) / DAY_MS);
    const isShortLived = expiresMs - Date.parse(validFrom) <= SHORT_LIVED_DAYS * DAY_MS;
    const reached = WARN_AT_DAYS.find((days) => daysLeft < days) ?? Infinity;
    if (reached < before && !(isShortLived && reached > 0)) this.#warn(setting, certificate, daysLeft);
    return reached;
  }

  #warn(
    setting: (typeof SETTINGS)[number],
    { subject, fingerprint256, validTo }: X509Certificate,
    daysLeft: number,
  ): void {
    const { files, log, events } = this.#deps;
    const event = {
      file: files[setting],
      setting,
      subject,
      fingerprint: fingerprint256.replaceAll(':', '').toLowerCase(),
      expiresMs: Date.parse(validTo),
      daysLeft,
    };
    const whose = setting === 'certFile' ? 'the certificate of this host' : 'a certificate of the CA';
    const message =
      daysLeft < 0
        ? `${whose} expired on ${validTo}: no connection is made or accepted with it; replace it, no restart is needed`
        : `${whose} expires on ${validTo}, in ${daysLeft} days: replace it, no restart is needed`;
    log[daysLeft < URGENT_DAYS ? 'error' : 'warn'](message, event);
    events.emit('certificateExpires', event);
  }
}

import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { type SecureContext, type SecureContextOptions, createSecureContext } from 'node:tls';
import { ErrTLS } from '../errors.js';
import type { MutualTLSConfig } from '../rpc.js';
import type { Warnings } from './warnings.js';

/** What this host proves itself with, and what it checks others against. */
export interface Identity {
  options: SecureContextOptions;
  /** What was read, in PEM. */
  pem: Readonly<Record<'ca' | 'cert' | 'key', string>>;
  context: SecureContext;
}

const FILES = [
  { key: 'caFile', what: 'CA' },
  { key: 'certFile', what: 'certificate' },
  { key: 'keyFile', what: 'private key' },
] as const;
type FileKey = (typeof FILES)[number]['key'];

/**
 * The identity in the three files of the configuration. It is read again when a file has changed, so certificates
 * are rotated by replacing files. Files that don't fit together, as in the middle of a rotation, are not taken: the
 * identity before stays in use and the files are looked at again the next time.
 */
export class IdentityFiles {
  readonly #files: MutualTLSConfig;
  readonly #onWarning: (message: string, details: Record<string, unknown>) => void;
  #stamp = '';
  /** The state of the files in which they were last found unusable. */
  #unusableStamp = '';
  #identity: Identity | undefined;
  #refreshing: Promise<Identity> | undefined;

  /** Those of a configuration, if it asks for mutual TLS; what is wrong with them is told to `warnings`. */
  static of(files: MutualTLSConfig | undefined, warnings: Warnings): IdentityFiles | undefined {
    return (
      files &&
      new IdentityFiles(files, (message, details) => {
        warnings.warn('certificates', message, details);
      })
    );
  }

  constructor(
    files: MutualTLSConfig,
    onWarning: (message: string, details: Record<string, unknown>) => void,
  ) {
    this.#files = files;
    this.#onWarning = onWarning;
  }

  /** The identity as the files have it now. Rejects with ErrTLS when there is none that can be used. */
  current(): Promise<Identity> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<Identity> {
    let stamp = '';
    try {
      stamp = await this.#stampFiles();
      const isKnown = stamp === this.#stamp || stamp === this.#unusableStamp;
      if (this.#identity !== undefined && isKnown) return this.#identity;
      this.#identity = await this.#read();
      this.#stamp = stamp;
    } catch (error) {
      if (this.#identity === undefined) throw error;
      this.#unusableStamp = stamp;
      this.#onWarning(
        `the TLS files have changed and can't be used, the ones before stay in use: ${messageOf(error)}`,
        {
          ...this.#files,
          error,
        },
      );
    }
    return this.#identity;
  }

  async #stampFiles(): Promise<string> {
    const stamps = FILES.map(async ({ key, what }) => {
      try {
        const { mtimeMs, ctimeMs, size, ino } = await stat(this.#files[key]);
        return `${mtimeMs}/${ctimeMs}/${size}/${ino}`;
      } catch (error) {
        throw this.#fileError(key, `can't read the ${what} file`, error);
      }
    });
    return (await Promise.all(stamps)).join();
  }

  async #read(): Promise<Identity> {
    const ca = await this.#readFile('caFile', 'CA');
    const cert = await this.#readFile('certFile', 'certificate');
    const key = await this.#readFile('keyFile', 'private key');
    this.#parse('caFile', 'not a certificate in PEM form', () => new X509Certificate(ca));
    const leaf = this.#parse('certFile', 'not a certificate in PEM form', () => new X509Certificate(cert));
    const privateKey = this.#parse('keyFile', 'not a private key in PEM form', () => createPrivateKey(key));
    if (!leaf.checkPrivateKey(privateKey)) {
      throw this.#fileError(
        'keyFile',
        `is not the key of the certificate in ${this.#files.certFile}:`,
        undefined,
      );
    }
    if (Date.parse(leaf.validTo) < Date.now()) {
      this.#onWarning(`the certificate of this host expired on ${leaf.validTo}: other hosts will refuse it`, {
        certFile: this.#files.certFile,
      });
    }
    const options: SecureContextOptions = { ca, cert, key, minVersion: 'TLSv1.2' };
    const context = this.#parse('certFile', 'the TLS files are refused', () => createSecureContext(options));
    const pem = { ca: ca.toString(), cert: cert.toString(), key: key.toString() };
    return { options, pem, context };
  }

  async #readFile(key: FileKey, what: string): Promise<Buffer> {
    try {
      return await readFile(this.#files[key]);
    } catch (error) {
      throw this.#fileError(key, `can't read the ${what} file`, error);
    }
  }

  #parse<T>(key: FileKey, complaint: string, parse: () => T): T {
    try {
      return parse();
    } catch (error) {
      throw this.#fileError(key, complaint, error);
    }
  }

  #fileError(key: FileKey, complaint: string, cause: unknown): ErrTLS {
    const file = this.#files[key];
    const reason = cause === undefined ? '' : ` (${messageOf(cause)})`;
    return new ErrTLS(`mutual TLS: ${complaint} ${file}${reason}; check ${key}`, {
      cause,
      details: { setting: key, file },
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

import { X509Certificate, constants, createPrivateKey } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { type SecureContext, type SecureContextOptions, createSecureContext } from 'node:tls';
import { ErrTLS } from '../errors.js';
import type { AllowedPeer } from '../peer-identity.js';
import type { MutualTLSConfig } from '../rpc.js';
import { Revocations } from './revocations.js';
import type { Warnings } from './warnings.js';

/** What this host proves itself with, and what it checks others against. */
export interface Identity {
  options: SecureContextOptions;
  /** What was read, in PEM. */
  pem: Readonly<Record<'ca' | 'cert' | 'key', string>>;
  context: SecureContext;
  /** The certificates in the CA file. */
  authorities: readonly X509Certificate[];
  revocations: Revocations;
  /** Undefined: every certificate of the CA is accepted. */
  allowedPeers: readonly AllowedPeer[] | undefined;
}

const FILES = [
  { key: 'caFile', what: 'CA' },
  { key: 'certFile', what: 'certificate' },
  { key: 'keyFile', what: 'private key' },
  { key: 'crlFile', what: 'revocation list' },
] as const;
type FileKey = (typeof FILES)[number]['key'];

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates in PEM text, which may hold several. Throws for one that can't be parsed. */
export function certificatesIn(pem: string): X509Certificate[] {
  return (pem.match(PEM_CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
}

/**
 * The identity in the files of the configuration. It is read again when a file has changed, so certificates
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

  /** Reads the files at once. Rejects with ErrTLS when they can't be used; the identity before stays in use then. */
  async reread(): Promise<Identity> {
    await this.#refreshing?.catch(() => undefined);
    const stamp = await this.#stampFiles();
    const identity = await this.#read();
    this.#identity = identity;
    this.#stamp = stamp;
    return identity;
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
      const file = this.#files[key];
      if (file === undefined) return '';
      try {
        const { mtimeMs, ctimeMs, size, ino } = await stat(file);
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
    const options: SecureContextOptions = {
      ca,
      cert,
      key,
      minVersion: 'TLSv1.2',
      // No session is resumed: what was found about a certificate holds for its connection alone.
      secureOptions: constants.SSL_OP_NO_TICKET,
    };
    const context = this.#parse('certFile', 'the TLS files are refused', () => createSecureContext(options));
    const pem = { ca: ca.toString(), cert: cert.toString(), key: key.toString() };
    const authorities = this.#parse('caFile', 'not certificates in PEM form', () => certificatesIn(pem.ca));
    const revocations = await this.#readRevocations(authorities);
    const { allowedPeers } = this.#files;
    return { options, pem, context, authorities, revocations, allowedPeers };
  }

  async #readRevocations(authorities: readonly X509Certificate[]): Promise<Revocations> {
    const { crlFile } = this.#files;
    if (crlFile === undefined) return Revocations.none;
    const bytes = await this.#readFile('crlFile', 'revocation list');
    const revocations = this.#parse('crlFile', 'not a certificate revocation list', () =>
      Revocations.parse(bytes),
    );
    const { nextUpdateMs = Infinity } = revocations;
    if (nextUpdateMs < Date.now()) {
      const date = new Date(nextUpdateMs).toISOString();
      this.#onWarning(`the revocation list has been out of date since ${date}, and stays in use: renew it`, {
        crlFile,
      });
    }
    if (revocations.foreignCount(authorities) > 0) {
      this.#onWarning('a revocation list is not signed by a CA in caFile: it counts for CAs below one only', {
        crlFile,
      });
    }
    return revocations;
  }

  async #readFile(key: FileKey, what: string): Promise<Buffer> {
    try {
      return await readFile(this.#files[key] ?? '');
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

import { sha256 } from '../security/proof.js';

interface ProofToVerify {
  certs: readonly Uint8Array[];
  hostname: string;
  port: number;
}
type VerifyProof = (proof: ProofToVerify) => boolean;
const HOOK = 'FAILSVerifyProof';
const hooks = globalThis as typeof globalThis & { [HOOK]?: VerifyProof };

/** One attempt to connect: whether it has got as far as the certificate, and which that was. */
interface Attempt {
  fingerprint: Uint8Array | undefined;
}

/**
 * The HTTP/3 library asks a function of the whole process whether the certificates that a server shows are good. For
 * the servers that this transport is just connecting to they are, as TLS proves nothing here, and the first of them is
 * noted; for all others the answer is whatever it was before.
 */
export class ProofHook {
  static #only: ProofHook | undefined;
  readonly #attempts = new Map<string, Attempt>();
  readonly #turns = new Map<string, Promise<unknown>>();

  private constructor(before: VerifyProof | undefined) {
    hooks[HOOK] = (proof) => {
      const attempt = this.#attempts.get(keyOf(proof.hostname, proof.port));
      const [leaf] = proof.certs;
      if (attempt === undefined || leaf === undefined) return before?.(proof) ?? false;
      attempt.fingerprint = sha256(new Uint8Array(leaf));
      return true;
    };
  }

  /** To be called when the library is loaded, which puts its own function there. */
  static installed(): ProofHook {
    this.#only ??= new ProofHook(hooks[HOOK]);
    return this.#only;
  }

  /**
   * Runs `connect`, which may ask for the fingerprint of the certificate that was seen. One at a time for each server,
   * so that it is this attempt's.
   */
  async connecting<T>(
    host: string,
    port: number,
    connect: (seen: () => Uint8Array | undefined) => Promise<T>,
  ): Promise<T> {
    const key = keyOf(host, port);
    const before = this.#turns.get(key);
    const run = (async () => {
      await before?.catch(() => undefined);
      const attempt: Attempt = { fingerprint: undefined };
      this.#attempts.set(key, attempt);
      try {
        return await connect(() => attempt.fingerprint);
      } finally {
        this.#attempts.delete(key);
      }
    })();
    this.#turns.set(key, run);
    try {
      return await run;
    } finally {
      if (this.#turns.get(key) === run) this.#turns.delete(key);
    }
  }
}

function keyOf(host: string, port: number): string {
  return `${host} ${port}`;
}

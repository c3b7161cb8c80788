import { isTempError } from '@drakkar/framework';
import { isDrakkarError } from '@drakkar/raftio';
import type { MetError } from './run.js';
import type { WorkloadHost } from '../harness/workload.js';

/** A host as clients use it, which counts the errors that they meet. */
export class CountingHost implements WorkloadHost {
  readonly #host: WorkloadHost;
  readonly #errors = new Map<string, MetError>();

  constructor(host: WorkloadHost) {
    this.#host = host;
  }

  /** What was met since this was asked the last time. */
  takeErrors(): MetError[] {
    const errors = [...this.#errors.values()];
    this.#errors.clear();
    return errors;
  }

  syncPropose(...args: Parameters<WorkloadHost['syncPropose']>): ReturnType<WorkloadHost['syncPropose']> {
    return this.#count(() => this.#host.syncPropose(...args));
  }

  syncRead(...args: Parameters<WorkloadHost['syncRead']>): ReturnType<WorkloadHost['syncRead']> {
    return this.#count(() => this.#host.syncRead(...args));
  }

  getNewSession(
    ...args: Parameters<WorkloadHost['getNewSession']>
  ): ReturnType<WorkloadHost['getNewSession']> {
    return this.#count(() => this.#host.getNewSession(...args));
  }

  closeSession(...args: Parameters<WorkloadHost['closeSession']>): ReturnType<WorkloadHost['closeSession']> {
    return this.#count(() => this.#host.closeSession(...args));
  }

  async #count<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      const code = isDrakkarError(error) ? error.code : String(error);
      const mayPass = isDrakkarError(error) && error.effect === 'none' && error.retry !== 'never';
      const isTemporary = mayPass || isTempError(error);
      const met = this.#errors.get(code) ?? { code, count: 0, isTemporary };
      met.count += 1;
      this.#errors.set(code, met);
      throw error;
    }
  }
}

import { makeSeal } from '../datadir/seal/make-seal.js';
import type { NodeHostServices } from '../di/build-container.js';

/**
 * Seals the data directory when a host stops in order: the last that is done before the directory is released. A host
 * that had anything go wrong leaves it without a seal, as one that crashed does.
 */
export class StopSeal {
  readonly #services: NodeHostServices;
  #isForbidden = false;

  constructor(services: NodeHostServices) {
    this.#services = services;
  }

  /** What is on the disk is not, or may not be, what an orderly stop leaves. */
  forbid(): void {
    this.#isForbidden = true;
  }

  /** Never fails: a seal that can't be made is a warning. The LogDB must be closed. */
  async seal(): Promise<void> {
    const { config, fileSystem, clock, loggerFactory } = this.#services;
    const { sealTimeoutMs: timeoutMs } = config.settings;
    if (this.#isForbidden || timeoutMs === 0) return;
    const log = loggerFactory.getLogger('nodehost');
    const { nodeHostDir } = config;
    const startMs = clock.nowMs();
    const elapsedMs = (): number => Math.round(clock.nowMs() - startMs);
    try {
      const summary = await makeSeal(fileSystem, config, () => clock.nowMs() - startMs >= timeoutMs);
      if (summary !== undefined) {
        log.info('the data directory was sealed', { nodeHostDir, ...summary, elapsedMs: elapsedMs() });
        return;
      }
      log.warn('the data directory could not be sealed in the time that settings.sealTimeoutMs allows', {
        nodeHostDir,
        timeoutMs,
      });
    } catch (error) {
      log.warn('the data directory could not be sealed', { nodeHostDir, err: error });
    }
  }
}

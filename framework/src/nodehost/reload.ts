import { isDeepStrictEqual } from 'node:util';
import { ADAPTER_SECTIONS, loadNodeHostConfig } from '../config/load.js';
import type { NodeHostConfig } from '../config/node-host-config.js';
import type { NodeHostServices } from '../di/build-container.js';
import type { ILogger } from '../logging/logger.js';
import type { CertificateWatch } from './certificate-watch.js';

export interface ReloadParts {
  /** Path of the configuration; undefined: it was given in code. */
  file: string | undefined;
  services: NodeHostServices;
  transport: { reload(): Promise<void> };
  certificates: CertificateWatch | undefined;
  log: ILogger;
}

/**
 * Reads again what may change while a host runs: the log levels of its configuration file, and the files of mutual TLS.
 * The one is done though the other fails.
 *
 * @throws ErrInvalidConfig, ErrTLS: what can't be used is left as it was
 */
export async function reload({ file, services, transport, certificates, log }: ReloadParts): Promise<void> {
  const results = await Promise.allSettled([
    file === undefined ? undefined : reloadLevels(file, services, log),
    transport.reload(),
  ]);
  await certificates?.look();
  for (const result of results) if (result.status === 'rejected') throw result.reason as Error;
  log.info('reloaded', { file });
}

async function reloadLevels(file: string, services: NodeHostServices, log: ILogger): Promise<void> {
  const { config, loggerFactory, fileSystem } = services;
  const loaded = await loadNodeHostConfig(file, { fileSystem });
  const ignored = changedKeys(config, loaded.config);
  if (ignored.length > 0)
    log.warn('the configuration has changed in what needs a restart', { keys: ignored });
  loggerFactory.setLevels?.(loaded.config.log);
}

/** Keys whose change has no effect before a restart. Options of adapters have defaults that only they know. */
function changedKeys(before: NodeHostConfig, after: NodeHostConfig): string[] {
  const sections: readonly string[] = ADAPTER_SECTIONS;
  const keys = Object.keys(after) as (keyof NodeHostConfig)[];
  return keys.filter((key) => {
    if (key === 'log') return false;
    const [old, now] = [before[key], after[key]];
    if (!sections.includes(key)) return !isDeepStrictEqual(old, now);
    return (old as { module: unknown }).module !== (now as { module: unknown }).module;
  });
}

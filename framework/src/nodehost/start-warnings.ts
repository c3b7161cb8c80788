import type { DataDir } from '../datadir/data-dir.js';
import type { NodeHostServices } from '../di/build-container.js';
import { costsOfMissing } from './missing-capabilities.js';
import type { HostEvents } from '../events/host-listener.js';
import type { IEventSink } from '../runtime/event-sink.js';
import type { ILogger } from '../logging/logger.js';
import { isOpenToAnybody } from './plaintext.js';

/** Where the transport goes over a network, as one that was bound in code need not. */
function warnOfPlaintext(
  { config, adapters }: NodeHostServices,
  events: IEventSink<HostEvents>,
  log: ILogger,
): void {
  const { transport } = adapters;
  if (transport?.kind !== 'transport' || !transport.capabilities.network || !isOpenToAnybody(config)) return;
  const { listenAddress } = config;
  log.warn(
    'mutual TLS is off: anyone who reaches the listen address can read and change everything. Set mutualTls, or allowPlaintext if that is meant',
    { event: 'plaintext', listenAddress },
  );
  events.emit('plaintext', { listenAddress });
}

/** An adapter of an earlier version loads as before: the operator is to know what it can't do. */
function reportCapabilities({ adapters }: NodeHostServices, log: ILogger): void {
  for (const adapter of [adapters.logdb, adapters.transport]) {
    const missing = adapter === undefined ? [] : costsOfMissing(adapter);
    if (adapter === undefined || missing.length === 0) continue;
    const costs = missing.map(({ name, cost }) => `${name} (${cost})`).join(', ');
    log.info(`the ${adapter.kind} '${adapter.name}' does not declare ${costs}`, {
      event: 'missingCapabilities',
      adapter: adapter.name,
      missing: missing.map(({ name }) => name),
    });
  }
}

function warnOfAccess(
  { access, sharedFolders }: DataDir,
  events: IEventSink<HostEvents>,
  log: ILogger,
): void {
  for (const { path, mode } of access.tightened)
    log.info('other users had access to a folder of the data directory, which was taken away', {
      path,
      mode,
    });
  for (const { path, mode, error } of access.exposed) {
    log.warn(
      'other users have access to a folder of the data directory, which could not be taken away: do so as its owner, by chmod go=',
      { event: 'filesExposed', path, mode, err: error },
    );
    events.emit('filesExposed', { path, what: 'data', mode, error });
  }
  for (const { dir, fileSystem } of sharedFolders) {
    log.warn(
      'the data directory is on a file system that other machines may have, too: its lock does not keep off a host on another one. Use a local disk, or set allowNetworkFileSystem if no other machine has it',
      { event: 'networkFileSystem', dir, fileSystem },
    );
    events.emit('networkFileSystem', { dir, fileSystem });
  }
}

/** What an operator should know of a configuration and of files, at the start of a host. */
export function warnAtStart(
  services: NodeHostServices,
  dataDir: DataDir,
  events: IEventSink<HostEvents>,
  log: ILogger,
): void {
  const { config } = services;
  for (const { path, message } of services.configWarnings) log.warn(`configuration: ${path}: ${message}`);
  if (config.masterServers.length > 0) log.warn('configuration: masterServers has no effect in this release');
  warnOfPlaintext(services, events, log);
  reportCapabilities(services, log);
  warnOfAccess(dataDir, events, log);
}

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as QuicLibraryModule from '@currentspace/http3';
import type { EngineOptions } from '../engine.js';

export type QuicLibrary = typeof QuicLibraryModule;

export const ALPN = ['drakkar-quic'];
/** Fewer surprises and more throughput than the io_uring driver that `auto` would take. */
export const RUNTIME = { runtimeMode: 'portable', fallbackPolicy: 'error' } as const;

/** Sessions say something all the time, and have their own way to find a dead peer; this is for what was left over. */
export function idleTimeoutMs({ deadPeerTimeoutMs, handshakeTimeoutMs }: EngineOptions): number {
  return Math.max(4 * deadPeerTimeoutMs, 2 * handshakeTimeoutMs, 10_000);
}

const PACKAGE = '@currentspace/http3';

/** Throws when the package is not installed, or has no prebuilt binary for this machine. */
export function loadQuicLibrary(): QuicLibrary {
  const require = createRequire(import.meta.url);
  try {
    require.resolve(PACKAGE);
  } catch {
    throw new Error(`the optional package ${PACKAGE} is not installed: npm install ${PACKAGE}@0.9`);
  }
  // The library looks for its binary at the first use only; its loader, in the folder above, tells now.
  require(join(dirname(require.resolve('@currentspace/http3')), '..', 'index.js'));
  return require('@currentspace/http3') as QuicLibrary;
}

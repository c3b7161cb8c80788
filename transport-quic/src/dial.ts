import { ErrConnectFailed, ErrInvalidAddress, hasErrorCode } from '@drakkar/raftio';
import { type Identity, parseAddress } from '@drakkar/raftio/transport';
import type { Engine } from './engine.js';
import { type Self, TryAgain, greet } from './handshake.js';
import type { Link } from './link.js';
import type { ChannelKind } from './protocol/hello.js';

export interface DialRequest {
  engine: Engine;
  self: Self;
  kind: ChannelKind;
  target: string;
  identity: Identity | undefined;
  connectTimeoutMs: number;
  signal: AbortSignal;
}

const AGAIN_MIN_MS = 10;
const AGAIN_SPREAD_MS = 40;

/**
 * Connects to a host and resolves to what `wrap` makes of the link, in the turn in which it opened. Nothing is left
 * behind when it rejects.
 */
export async function dial<T>(request: DialRequest, wrap: (link: Link) => T): Promise<T> {
  const { target, connectTimeoutMs, signal } = request;
  const { host, port } = parseAddress(target);
  const limit = new AbortController();
  const abort = (): void => {
    limit.abort(signal.reason);
  };
  signal.addEventListener('abort', abort);
  const endMs = performance.now() + connectTimeoutMs;
  const timer = setTimeout(() => {
    limit.abort(
      new ErrConnectFailed(`no answer from ${target} within ${connectTimeoutMs} ms`, { details: { target } }),
    );
  }, connectTimeoutMs);
  try {
    if (signal.aborted) abort();
    for (;;) {
      try {
        return await attempt(request, host, port, Math.max(1, endMs - performance.now()), limit.signal, wrap);
      } catch (error) {
        if (limit.signal.aborted) throw aborted(target, limit.signal.reason);
        if (!(error instanceof TryAgain)) throw explain(error, request);
        await pause(AGAIN_MIN_MS + Math.random() * AGAIN_SPREAD_MS, limit.signal);
      }
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

async function attempt<T>(
  { engine, self, kind, target, identity }: DialRequest,
  host: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
  wrap: (link: Link) => T,
): Promise<T> {
  signal.throwIfAborted();
  const channel = await engine.connect({ host, port, identity, timeoutMs: Math.ceil(timeoutMs), signal });
  return greet(channel, { self, kind, target, host, identity, signal }, wrap);
}

/** Resolves early when the signal aborts. */
function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, durationMs);
    signal.addEventListener('abort', done);
    if (signal.aborted) done();
  });
}

function aborted(target: string, reason: unknown): Error {
  if (hasErrorCode(reason, 'ERR_CONNECT_FAILED')) return reason as Error;
  return new ErrConnectFailed(`the attempt to connect to ${target} was aborted`, {
    cause: reason,
    details: { target },
  });
}

function explain(error: unknown, { target, engine }: DialRequest): Error {
  if (hasErrorCode(error, 'ERR_TLS') || hasErrorCode(error, 'ERR_CONNECT_FAILED')) return error as Error;
  const { message, code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_INVALID_ARG_VALUE') return new ErrInvalidAddress(`'${target}' can't be connected to: ${message}`);
  return new ErrConnectFailed(
    `can't connect to ${target}: ${message}; this host uses engine ${engine.name}, as its peers must`,
    { cause: error, details: { target, engine: engine.name } },
  );
}

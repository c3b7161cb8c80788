import { ErrConnectFailed, ErrInvalidAddress, hasErrorCode } from '@drakkar/raftio';
import { type Identity, type PeerCredentials, attemptAborted, parseAddress } from '@drakkar/raftio/transport';
import type { Engine } from './engine.js';
import { greet } from './handshake/greet.js';
import type { Self } from './handshake/terms.js';
import type { Link } from './link.js';
import type { ChannelKind } from './protocol/hello.js';

export interface DialRequest {
  engine: Engine;
  self: Self;
  kind: ChannelKind;
  target: string;
  expected: string | undefined;
  identity: Identity | undefined;
  connectTimeoutMs: number;
  signal: AbortSignal;
}

type Wrap<T> = (link: Link, credentials: PeerCredentials | undefined) => T;

/**
 * Connects to a host and resolves to what `wrap` makes of the link, in the turn in which it opened. Nothing is left
 * behind when it rejects.
 */
export async function dial<T>(request: DialRequest, wrap: Wrap<T>): Promise<T> {
  const { target, connectTimeoutMs, signal } = request;
  const { host, port } = parseAddress(target);
  const limit = new AbortController();
  const abort = (): void => {
    limit.abort(signal.reason);
  };
  signal.addEventListener('abort', abort);
  const timer = setTimeout(() => {
    limit.abort(
      new ErrConnectFailed(`no answer from ${target} within ${connectTimeoutMs} ms; ${hint(request)}`, {
        details: { target },
      }),
    );
  }, connectTimeoutMs);
  try {
    if (signal.aborted) abort();
    return await attempt(request, host, port, limit.signal, wrap);
  } catch (error) {
    throw limit.signal.aborted ? aborted(target, limit.signal.reason) : explain(error, request);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}

async function attempt<T>(
  { engine, self, kind, target, expected, identity, connectTimeoutMs: timeoutMs }: DialRequest,
  host: string,
  port: number,
  signal: AbortSignal,
  wrap: Wrap<T>,
): Promise<T> {
  signal.throwIfAborted();
  const channel = await engine.connect({ host, port, mutualTLS: identity !== undefined, timeoutMs, signal });
  return greet(channel, { self, kind, target, expected, host, identity, signal }, wrap);
}

/** Hosts of different engines do not hear each other at all. */
function hint({ engine }: DialRequest): string {
  return `this host uses engine ${engine.name}, as its peers must`;
}

function aborted(target: string, reason: unknown): Error {
  return hasErrorCode(reason, 'ERR_CONNECT_FAILED') ? (reason as Error) : attemptAborted(target, reason);
}

function explain(error: unknown, request: DialRequest): Error {
  const { target, engine } = request;
  if (hasErrorCode(error, 'ERR_TLS') || hasErrorCode(error, 'ERR_CONNECT_FAILED')) return error as Error;
  const { message, code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_INVALID_ARG_VALUE')
    return new ErrInvalidAddress(`'${target}' can't be connected to: ${message}`);
  return new ErrConnectFailed(`can't connect to ${target}: ${message}; ${hint(request)}`, {
    cause: error,
    details: { target, engine: engine.name },
  });
}

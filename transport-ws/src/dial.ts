import type { ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ErrInvalidAddress } from '@drakkar/raftio';
import {
  type AttemptState,
  HelloHeader,
  type Identity,
  type Introductions,
  type PeerCredentials,
  attemptAborted,
  attemptTimedOut,
  credentialsOfSocket,
  explainConnectError,
  parseAddress,
  serverCheck,
  urlAuthority,
} from '@drakkar/raftio/transport';
import { WebSocket } from 'ws';
import { explainRefusal } from './connect-errors.js';
import { type ChannelPath, MAX_REPLY_BYTES, SUBPROTOCOL } from './protocol.js';

export interface DialRequest {
  target: string;
  path: ChannelPath;
  identity: Identity | undefined;
  connectTimeoutMs: number;
  closeTimeoutMs: number;
  signal: AbortSignal;
  /** Raft address of this host. */
  from: string;
  /** Raft address of the host that must be there. */
  expected: string | undefined;
  introductions: Introductions;
}

/**
 * Opens a WebSocket to a host and resolves to what `wrap` makes of it, in the turn in which it opened. Nothing is
 * left behind when it rejects.
 */
export async function dial<T>(
  request: DialRequest,
  wrap: (ws: WebSocket, socket: Socket, credentials: PeerCredentials | undefined) => T,
): Promise<T> {
  const { target, signal } = request;
  const state: AttemptState = {
    target,
    secure: request.identity !== undefined,
    secured: false,
    connected: false,
  };
  const ws = openWebSocket(request, state);
  return new Promise((resolve, reject) => {
    let socket: Socket | undefined;
    const timer = setTimeout(() => {
      fail(attemptTimedOut(target, request.connectTimeoutMs));
    }, request.connectTimeoutMs);
    const onAbort = (): void => {
      fail(attemptAborted(target, signal.reason));
    };
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: Error): void => {
      settle();
      reject(error);
      ws.terminate();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    // Stays after the attempt is over: an error event without a listener would end the process.
    ws.on('error', (error) => {
      fail(explainConnectError(error, state));
    });
    ws.once('unexpected-response', (_request, response) => {
      fail(explainRefusal(response, target));
    });
    let mistake: Error | undefined;
    let credentials: PeerCredentials | undefined;
    ws.once('upgrade', (response) => {
      socket = response.socket;
      if (state.secure) credentials = credentialsOfSocket(socket as TLSSocket);
      const found = response.headers[HelloHeader.host];
      const host = typeof found === 'string' ? found : undefined;
      mistake = request.introductions.failureOf(target, request.expected, host);
    });
    ws.once('open', () => {
      if (mistake !== undefined) {
        fail(mistake);
        return;
      }
      settle();
      ws.removeAllListeners('error');
      if (socket !== undefined) resolve(wrap(ws, socket, credentials));
    });
  });
}

function openWebSocket(request: DialRequest, state: AttemptState): WebSocket {
  const address = parseAddress(request.target);
  const options = {
    perMessageDeflate: false,
    followRedirects: false,
    autoPong: false,
    skipUTF8Validation: true,
    maxPayload: MAX_REPLY_BYTES,
    closeTimeout: request.closeTimeoutMs,
    headers: {
      [HelloHeader.from]: request.from,
      ...(request.expected === undefined ? {} : { [HelloHeader.to]: request.expected }),
    },
    // The mask must be there, and protects proxies from scripts in browsers. Between hosts it has no use: with a key
    // of zeros, which it is when made, neither side spends time on it.
    generateMask: () => undefined,
    secureContext: request.identity?.context,
    rejectUnauthorized: true,
    ...(request.identity === undefined
      ? {}
      : { checkServerIdentity: serverCheck(address.host, request.identity) }),
    finishRequest: (clientRequest: ClientRequest) => {
      clientRequest.once('socket', (socket) => {
        watch(socket, state);
      });
      clientRequest.end();
    },
  };
  const scheme = state.secure ? 'wss' : 'ws';
  try {
    return new WebSocket(`${scheme}://${urlAuthority(address)}${request.path}`, SUBPROTOCOL, options);
  } catch (error) {
    throw new ErrInvalidAddress(`'${request.target}' is not an address that can be connected to`, {
      cause: error,
    });
  }
}

function watch(socket: Socket, state: AttemptState): void {
  socket.once('connect', () => {
    state.connected = true;
  });
  (socket as TLSSocket).once('secureConnect', () => {
    state.secured = true;
  });
}

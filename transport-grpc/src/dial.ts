import { Client, type ClientDuplexStream, type StatusObject, Metadata } from '@grpc/grpc-js';
import { MAX_MESSAGE_BYTES } from '@drakkar/raftio';
import {
  HelloHeader,
  type Identity,
  attemptAborted,
  attemptTimedOut,
  explainConnectError,
  parseAddress,
  urlAuthority,
} from '@drakkar/raftio/transport';
import { Attempt, clientParameters } from './attempt.js';
import { NUMBER_BYTES } from './message-numbers.js';
import {
  MAX_RESPONSE_BYTES,
  MESSAGES_PATH,
  type MethodPath,
  NUMBERED,
  NUMBERED_HEADER,
  asBuffer,
  ignoreResponse,
} from './service.js';

export type OutgoingCall = ClientDuplexStream<Uint8Array, void>;

export interface DialRequest {
  target: string;
  path: MethodPath;
  identity: Identity | undefined;
  connectTimeoutMs: number;
  signal: AbortSignal;
  /** Raft address of this host. */
  from: string;
  /** Raft address of the host that must be there. */
  expected: string | undefined;
}

/** A call under way on a connection of its own. */
export interface Dialled {
  attempt: Attempt;
  client: Client;
  call: OutgoingCall;
  /** The peer was asked to agree to numbered messages. */
  asksForNumbers: boolean;
  /** How long it took until the connection was ready. */
  setupMs: number;
}

/**
 * Connects to a host, calls the method, and resolves to what `wrap` makes of the call, in the turn in which the
 * connection was ready: when the peer has sent its HTTP/2 settings, thus has taken our certificate. Nothing is left
 * behind when it rejects.
 */
export async function dial<T>(request: DialRequest, wrap: (dialled: Dialled) => T): Promise<T> {
  const { target, signal } = request;
  const startMs = performance.now();
  const address = parseAddress(target);
  const attempt = new Attempt(target, address, request.identity);
  const client = openClient(attempt, urlAuthority(address));
  const call: OutgoingCall = client.makeBidiStreamRequest(
    request.path,
    asBuffer,
    ignoreResponse,
    helloOf(request),
    {},
  );
  // Stays: an error event without a listener would end the process. The status event says the same.
  call.on('error', () => undefined);
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      settle();
      call.cancel();
      client.close();
      void attempt.destroy().then(() => {
        reject(error);
      });
    };
    const onAbort = (): void => {
      fail(attemptAborted(target, signal.reason));
    };
    const onStatus = (status: StatusObject): void => {
      fail(explainConnectError(failureOf(attempt, status), attempt.state));
    };
    const timer = setTimeout(() => {
      fail(attemptTimedOut(target, request.connectTimeoutMs));
    }, request.connectTimeoutMs);
    let settled = false;
    const settle = (): void => {
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      call.off('status', onStatus);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    call.on('status', onStatus);
    client.waitForReady(Infinity, (error) => {
      if (error !== undefined || settled) return;
      settle();
      const setupMs = performance.now() - startMs;
      resolve(wrap({ attempt, client, call, asksForNumbers: asksForNumbers(request), setupMs }));
    });
  });
}

/** TLS lets nothing be lost in the midst of a stream, and a snapshot has an order of its own. */
function asksForNumbers({ path, identity }: DialRequest): boolean {
  return path === MESSAGES_PATH && identity === undefined;
}

function helloOf(request: DialRequest): Metadata {
  const { from, expected } = request;
  const metadata = new Metadata();
  metadata.set(HelloHeader.from, from);
  if (expected !== undefined) metadata.set(HelloHeader.to, expected);
  if (asksForNumbers(request)) metadata.set(NUMBERED_HEADER, NUMBERED);
  return metadata;
}

function openClient(attempt: Attempt, authority: string): Client {
  const { target, credentials, options } = clientParameters(attempt, authority);
  return new Client(target, credentials, {
    ...options,
    // A connection of its own for each call, so that no snapshot holds up messages and the end of one ends no other.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    // Nothing is sent twice, and nothing kept for that; without such a buffer a write is done when it is written.
    'grpc.enable_retries': 0,
    'grpc.retry_buffer_size': 0,
    'grpc.per_rpc_retry_buffer_size': 0,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES + NUMBER_BYTES,
    'grpc.max_receive_message_length': MAX_RESPONSE_BYTES,
  });
}

/** What the library has to say, in words of its own around those of the error. */
const LAST_ERROR = /Last error: (?:Error: )?(.*?)(?: \(\d{4}-\d\d-\d\dT[^)]*\))?(?:\. Resolution note:.*)?$/s;

function failureOf(attempt: Attempt, status: StatusObject): Error {
  if (attempt.error !== undefined) return attempt.error;
  const message = LAST_ERROR.exec(status.details)?.[1] ?? status.details;
  const error: NodeJS.ErrnoException = new Error(message);
  // A peer that closes the connection in the handshake, in whatever way, causes no error of a socket.
  if (attempt.state.connected) error.code = 'ECONNRESET';
  return error;
}

import type { Http2Server, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import {
  type ConnectionInjector,
  Server,
  ServerCredentials,
  type ServerInterceptingCallInterface,
  ServerInterceptingCall,
  type ServerInterceptor,
} from '@grpc/grpc-js';
import { type ArrivalHandler, MAX_MESSAGE_BYTES } from '@drakkar/raftio';
import { type FrameHead, MAX_TIMER_MS, StreamWatch } from '@drakkar/raftio/transport';
import { NUMBER_BYTES } from './message-numbers.js';
import type { ResolvedOptions } from './options.js';
import { MESSAGES_PATH, transportService } from './service.js';

const MESSAGE_HEAD_BYTES = 5;

/** Serves the calls on sockets that are injected into it. */
export interface CallServer {
  injector: ConnectionInjector;
  /** Ends what is left of the library's own. The sockets are the caller's to end. */
  shutDown: () => void;
}

/** A call of one of our methods: `serve` takes it over, nothing of the library's own handlers runs. */
class TakenCall extends ServerInterceptingCall {
  readonly #serve: () => void;

  constructor(call: ServerInterceptingCallInterface, serve: () => void) {
    super(call);
    this.#serve = serve;
  }

  override start(): void {
    this.#serve();
  }
}

export interface CallServerConfig {
  options: ResolvedOptions;
  /** A socket that was injected has become a session of HTTP/2. */
  onSession: (session: ServerHttp2Session) => void;
  onCall: (path: string, call: ServerInterceptingCallInterface) => void;
  /** What hears of batches that arrive on a connection. */
  arrivalsOf: (session: ServerHttp2Session) => ArrivalHandler;
  /** A stream of messages has begun, and `watch` reads along. */
  onMessages: (session: ServerHttp2Session, stream: ServerHttp2Stream, watch: StreamWatch) => void;
}

export function createCallServer(config: CallServerConfig): CallServer {
  const { options, onSession, onCall } = config;
  const take: ServerInterceptor = ({ path }, call) =>
    new TakenCall(call, () => {
      onCall(path, call);
    });
  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES + NUMBER_BYTES,
    'grpc.max_concurrent_streams': options.maxStreamsPerConnection,
    'grpc.keepalive_time_ms': options.pingIntervalMs,
    // Who does not answer is found by his silence, which also tells a pause of this process from one of his.
    'grpc.keepalive_timeout_ms': MAX_TIMER_MS,
    interceptors: [take],
  });
  server.addService(transportService, {});
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  for (const http2Server of http2ServersOf(server)) {
    http2Server.on('session', (session) => {
      session.settings({ initialWindowSize: options.receiveWindowBytes });
      session.setLocalWindowSize(options.receiveWindowBytes);
      onSession(session);
    });
    watchMessages(http2Server, config);
  }
  return {
    injector,
    shutDown: () => {
      server.forceShutdown();
    },
  };
}

/** The library shows a message when all of it is there. It was the first to listen to the stream, and paces it. */
function watchMessages(http2Server: Http2Server, { arrivalsOf, onMessages }: CallServerConfig): void {
  http2Server.on('stream', (stream, { ':path': path }) => {
    const session = stream.session as ServerHttp2Session | undefined;
    if (path !== MESSAGES_PATH || session === undefined) return;
    const watch = new StreamWatch(arrivalsOf(session), messageHead);
    onMessages(session, stream, watch);
    stream.on('data', (bytes: Uint8Array) => watch.read(bytes));
  });
}

/** Of a message in a stream of gRPC: a flag of compression, and the length. */
function messageHead(bytes: Uint8Array): FrameHead {
  if (bytes.length < MESSAGE_HEAD_BYTES) return undefined;
  const [flag = 0, a = 0, b = 0, c = 0, d = 0] = bytes;
  if (flag !== 0) throw new RangeError('the message is compressed');
  return { headBytes: MESSAGE_HEAD_BYTES, batchBytes: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0 };
}

/**
 * The library has no option for the window of the receiving side, and the 64 KiB of HTTP/2 allow no more than that in
 * each round trip; nor does it show sessions. This is where it keeps the servers that have them. Were it to move them,
 * transfers between distant hosts would be slow, sessions that break would be found later, and tests of ours fail.
 */
function http2ServersOf(server: Server): Iterable<Http2Server> {
  const { http2Servers } = server as unknown as { http2Servers?: Map<Http2Server, unknown> };
  return http2Servers?.keys() ?? [];
}

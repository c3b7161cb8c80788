import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  connect,
} from 'node:http2';

/** What a call ended with. */
export interface CallEnd {
  /** Status of HTTP; `undefined` when no headers came. */
  httpStatus: number | undefined;
  /** Status of gRPC (0 is OK); `undefined` when the call was cut. */
  grpcStatus: number | undefined;
  message: string;
  /** Bytes of the responses. */
  body: Buffer;
}

export interface RawCall {
  stream: ClientHttp2Stream;
  /** Resolves when the call is over. */
  ended: Promise<CallEnd>;
  /** Initial headers of the response. */
  headers: Promise<IncomingHttpHeaders>;
}

/** A message as gRPC frames it: a flag for compression, four bytes of length, and the bytes. */
export function framed(bytes: Uint8Array, { compressed = 0, length = bytes.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, bytes]);
}

/** A client that speaks gRPC by hand over node:http2, with the headers that grpc-go sends and without a library. */
export class Http2Peer {
  readonly session: ClientHttp2Session;
  readonly closed: Promise<unknown>;

  constructor(url: string, options: Parameters<typeof connect>[1] = {}) {
    this.session = connect(url, options);
    this.session.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.session.once('close', resolve));
  }

  call(path: string, headers: Record<string, string | string[]> = {}): RawCall {
    const stream = this.session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      'user-agent': 'grpc-go/1.16.0',
      te: 'trailers',
      ...headers,
    });
    const end: CallEnd = { httpStatus: undefined, grpcStatus: undefined, message: '', body: Buffer.alloc(0) };
    const take = (received: IncomingHttpHeaders): void => {
      if (received['grpc-status'] === undefined) return;
      end.grpcStatus = Number(received['grpc-status']);
      end.message = decodeURI(String(received['grpc-message'] ?? ''));
    };
    const answered = new Promise<IncomingHttpHeaders>((resolve) => {
      stream.on('response', (received) => {
        end.httpStatus = received[':status'];
        take(received);
        resolve(received);
      });
    });
    stream.on('trailers', take);
    stream.on('data', (chunk: Buffer) => {
      end.body = Buffer.concat([end.body, chunk]);
    });
    stream.on('error', () => undefined);
    const ended = new Promise<CallEnd>((resolve) => {
      // The server may answer while this side is still open: its end is the end of the call.
      stream.on('end', () => {
        setImmediate(() => {
          stream.destroy();
        });
      });
      stream.on('close', () => {
        resolve(end);
      });
    });
    return { stream, ended, headers: answered };
  }

  destroy(): void {
    this.session.destroy();
  }
}

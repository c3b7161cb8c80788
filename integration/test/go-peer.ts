import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { join } from 'node:path';
import { type Message, type SnapshotChunk, decodeSnapshotChunk, encodeMessageBatch } from '@drakkar/raftio';

/** Recorded from real hosts of Dragonboat v2.1.7: raftio/testdata/README.md. */
const FOLDER = join(import.meta.dirname, '../../raftio/testdata/go-v2.1.7');
const FRAME_HEAD_BYTES = 5;

/** The chunks of a recorded snapshot stream, byte for byte as a Go host sent them, and what they say. */
export function recordedStream(name: string): { bytes: Buffer; chunk: SnapshotChunk }[] {
  const lines = readFileSync(join(FOLDER, name), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const bytes = Buffer.from((JSON.parse(line) as { hex: string }).hex, 'hex');
    return { bytes, chunk: decodeSnapshotChunk(bytes) };
  });
}

/** Speaks gRPC to a host by hand, with the headers of grpc-go and nothing of ours. Its calls stay open. */
export class GoPeer {
  readonly #session: ClientHttp2Session;
  readonly #calls = new Map<string, ClientHttp2Stream>();
  #endedCalls = 0;

  constructor(address: string) {
    this.#session = connect(`http://${address}`);
    this.#session.on('error', () => undefined);
  }

  /** Calls that the host has ended. */
  get endedCalls(): number {
    return this.#endedCalls;
  }

  sendChunk(bytes: Uint8Array): void {
    this.#send('RaftSnapshot', bytes);
  }

  sendMessages(requests: Message[], sourceAddress: string): void {
    this.#send(
      'RaftMessage',
      encodeMessageBatch({ requests, deploymentID: 1, sourceAddress, binVer: 210 }, 'colfer'),
    );
  }

  close(): void {
    this.#session.destroy();
  }

  #send(method: string, bytes: Uint8Array): void {
    const head = Buffer.alloc(FRAME_HEAD_BYTES);
    head.writeUInt32BE(bytes.length, 1);
    this.#call(method).write(Buffer.concat([head, bytes]));
  }

  #call(method: string): ClientHttp2Stream {
    const open = this.#calls.get(method);
    if (open !== undefined) return open;
    const call = this.#session.request({
      ':method': 'POST',
      ':path': `/transportpb.Transport/${method}`,
      'content-type': 'application/grpc',
      'user-agent': 'grpc-go/1.20.0',
      te: 'trailers',
    });
    call.on('error', () => undefined);
    call.on('close', () => (this.#endedCalls += 1));
    call.resume();
    this.#calls.set(method, call);
    return call;
  }
}

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type Method, encodeFrame } from '../frames.js';
import { encodeHello } from '../hello.js';

/** A line of a file in testdata. */
export interface GoldenFrame {
  what: string;
  method: Method;
  frame: Buffer;
}

const HEADER_BYTES = 16;

export function goldenFrames(file: string): GoldenFrame[] {
  const text = readFileSync(join(import.meta.dirname, '../../testdata', file), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { what: string; method: Method; frame: string })
    .map((each) => ({ ...each, frame: Buffer.from(each.frame, 'hex') }));
}

export function payloadOf({ frame }: GoldenFrame): Uint8Array {
  return frame.subarray(HEADER_BYTES);
}

export function frame(method: Method, payload: Uint8Array = new Uint8Array(0)): Buffer {
  return Buffer.concat(encodeFrame(method, payload));
}

/** What a client says first. */
export const HELLO_MESSAGES = encodeHello({ who: 'messages' });
export const HELLO_SNAPSHOT = encodeHello({ who: 'snapshot' });

/** A client that knows nothing of the transport, and what it has heard. */
export interface RawClient {
  socket: Socket;
  heard: () => Buffer;
  ended: Promise<unknown>;
}

/** Raw clients and servers of one test, ended together. */
export class RawPeers {
  readonly #sockets = new Set<Socket>();
  readonly #servers = new Set<Server>();

  client(port: number, ...bytes: Uint8Array[]): RawClient {
    const socket = connect(port, '127.0.0.1');
    this.#sockets.add(socket);
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined).on('data', (chunk: Buffer) => chunks.push(chunk));
    for (const each of bytes) socket.write(each);
    return { socket, heard: () => Buffer.concat(chunks), ended: once(socket, 'close') };
  }

  /** A server that accepts, and then does as it is told. Gives its address. */
  async server(onSocket: (socket: Socket) => void): Promise<string> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      onSocket(socket);
    });
    this.#servers.add(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([...this.#servers].map((server) => new Promise((resolve) => server.close(resolve))));
    this.#sockets.clear();
    this.#servers.clear();
  }
}

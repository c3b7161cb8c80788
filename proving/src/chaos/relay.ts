import { type Socket as UdpSocket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createConnection, createServer } from 'node:net';
import type { SeededRandom } from '../harness/random.js';

export const LOOPBACK = '127.0.0.1';
const MAX_HELD_BYTES = 1024 * 1024;
/** What a narrow link holds back before senders notice, as the buffers of a switch do. */
const LINK_BUFFER_MS = 100;
const MIN_LINK_BUFFER_BYTES = 64 * 1024;
const UDP_BUFFER_BYTES = 1024 * 1024;

/** What a relay does to what passes it, and may be changed while it runs. */
export interface RelayState {
  /** Nothing passes, and nobody is told: what was sent over TCP waits, datagrams are lost. */
  isBlocked: boolean;
  /** How much later each piece arrives. */
  delayMs: number;
  /** Of datagrams; TCP would mend it. */
  lossPercent: number;
  /** For all connections together, in each direction; 0: no limit. */
  bytesPerMs: number;
  /** What is connected from now on leads here instead of to the target. */
  detourPort: number | undefined;
}

/** The way from one host to another one: what it says there, and the answers. */
export interface Relay {
  readonly port: number;
  readonly state: RelayState;
  /** When it was cut last, by `performance.now`. */
  readonly cutAtMs: number;
  /** What has passed so far, both ways. */
  readonly passedBytes: number;
  /** To be called after `state` was changed. */
  changed(): void;
  /** Breaks what is connected through it; it can be connected through again. */
  cut(): void;
  close(): Promise<void>;
}

const clearState = (): RelayState => ({
  isBlocked: false,
  delayMs: 0,
  lossPercent: 0,
  bytesPerMs: 0,
  detourPort: undefined,
});

/** One direction of a link of limited rate, which all connections over it share. */
class Line {
  passedBytes = 0;
  #freeAtMs = 0;
  readonly #relay: RelayState;

  constructor(relay: RelayState) {
    this.#relay = relay;
  }

  /** How long what is given now would wait for what was given before. */
  get queuedMs(): number {
    return Math.max(0, this.#freeAtMs - performance.now());
  }

  get bufferBytes(): number {
    const { bytesPerMs } = this.#relay;
    return bytesPerMs === 0 ? MAX_HELD_BYTES : Math.max(MIN_LINK_BUFFER_BYTES, LINK_BUFFER_MS * bytesPerMs);
  }

  /** In how many milliseconds so many bytes, given now, have arrived. */
  timeFor(sizeBytes: number): number {
    this.passedBytes += sizeBytes;
    const { bytesPerMs, delayMs } = this.#relay;
    if (bytesPerMs === 0) return delayMs;
    const now = performance.now();
    this.#freeAtMs = Math.max(now, this.#freeAtMs) + sizeBytes / bytesPerMs;
    return this.#freeAtMs - now + delayMs;
  }
}

/** One direction of a TCP connection. */
class Stream {
  #heldBytes = 0;
  readonly #queue: { dueMs: number; act: () => void }[] = [];
  readonly #relay: RelayState;
  readonly #line: Line;
  readonly #from: Socket;
  readonly #to: Socket;

  constructor(from: Socket, to: Socket, relay: RelayState, line: Line) {
    this.#from = from;
    this.#to = to;
    this.#relay = relay;
    this.#line = line;
    from.setNoDelay(true);
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => this.#later(relay.delayMs, () => to.end()));
    to.on('drain', () => this.resume());
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }

  resume(): void {
    if (this.#relay.isBlocked) this.#from.pause();
    else if (this.#heldBytes < this.#line.bufferBytes) this.#from.resume();
  }

  #take(bytes: Buffer): void {
    this.#heldBytes += bytes.length;
    if (this.#heldBytes >= this.#line.bufferBytes) this.#from.pause();
    this.#later(this.#line.timeFor(bytes.length), () => {
      this.#heldBytes -= bytes.length;
      if (!this.#to.writable) return;
      if (this.#to.write(bytes)) this.resume();
      else this.#from.pause();
    });
  }

  /** In the order of the calls, also when the delay changes in between. */
  #later(waitMs: number, act: () => void): void {
    if (waitMs === 0 && this.#queue.length === 0) {
      act();
      return;
    }
    this.#queue.push({ dueMs: performance.now() + waitMs, act });
    if (this.#queue.length === 1) this.#await();
  }

  #await(): void {
    const [first] = this.#queue;
    if (first === undefined) return;
    const waitMs = Math.max(0, first.dueMs - performance.now());
    setTimeout(() => {
      const now = performance.now();
      do this.#queue.shift()?.act();
      while ((this.#queue[0]?.dueMs ?? Infinity) <= now);
      this.#await();
    }, waitMs).unref();
  }
}

export class TcpRelay implements Relay {
  readonly state = clearState();
  readonly port: number;
  readonly #server: Server;
  readonly #targetPort: number;
  cutAtMs = -Infinity;
  readonly #streams = new Map<Socket, Stream>();
  readonly #there = new Line(this.state);
  readonly #back = new Line(this.state);

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client) => this.#connect(client));
  }

  static async open(targetPort: number, port: number): Promise<TcpRelay> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.listen(port, LOOPBACK);
    await once(server, 'listening');
    return new TcpRelay(server, targetPort);
  }

  get passedBytes(): number {
    return this.#there.passedBytes + this.#back.passedBytes;
  }

  changed(): void {
    for (const stream of this.#streams.values()) stream.resume();
  }

  cut(): void {
    this.cutAtMs = performance.now();
    for (const socket of this.#streams.keys()) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #connect(client: Socket): void {
    const port = this.state.detourPort ?? this.#targetPort;
    const server = createConnection({ host: LOOPBACK, port, allowHalfOpen: true });
    for (const [from, to, line] of [
      [client, server, this.#there],
      [server, client, this.#back],
    ] as const) {
      const stream = new Stream(from, to, this.state, line);
      this.#streams.set(from, stream);
      from.on('close', () => this.#streams.delete(from));
      stream.resume();
    }
  }
}

/** What comes from one port, and the socket that stands for it towards the target. */
interface Flow {
  upstream: UdpSocket;
  port: number;
  isCut: boolean;
}

export class UdpRelay implements Relay {
  readonly state = clearState();
  readonly port: number;
  readonly #socket: UdpSocket;
  readonly #targetPort: number;
  readonly #random: SeededRandom;
  cutAtMs = -Infinity;
  readonly #flows = new Map<number, Flow>();
  readonly #there = new Line(this.state);
  readonly #back = new Line(this.state);
  #isClosed = false;

  private constructor(socket: UdpSocket, targetPort: number, random: SeededRandom) {
    this.#socket = socket;
    this.#targetPort = targetPort;
    this.#random = random;
    this.port = socket.address().port;
    socket.on('message', (datagram, { port }) => {
      const flow = this.#flowOf(port, datagram);
      this.#pass(flow, this.#there, datagram, () =>
        flow.upstream.send(datagram, flow.port, LOOPBACK, () => {}),
      );
    });
  }

  static async open(targetPort: number, port: number, random: SeededRandom): Promise<UdpRelay> {
    const socket = udpSocket();
    socket.bind(port, LOOPBACK);
    await once(socket, 'listening');
    return new UdpRelay(socket, targetPort, random);
  }

  get passedBytes(): number {
    return this.#there.passedBytes + this.#back.passedBytes;
  }

  changed(): void {}

  /** Who is connected learns of it by silence alone. */
  cut(): void {
    this.cutAtMs = performance.now();
    for (const flow of this.#flows.values()) {
      if (!flow.isCut) flow.upstream.close();
      flow.isCut = true;
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.#isClosed = true;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #flowOf(port: number, datagram: Buffer): Flow {
    const known = this.#flows.get(port);
    if (known !== undefined && !(known.isCut && opensConnection(datagram))) return known;
    const flow: Flow = {
      upstream: udpSocket(),
      port: this.state.detourPort ?? this.#targetPort,
      isCut: false,
    };
    this.#flows.set(port, flow);
    flow.upstream.on('message', (answer) => {
      this.#pass(flow, this.#back, answer, () => this.#socket.send(answer, port, LOOPBACK, () => {}));
    });
    return flow;
  }

  #pass(flow: Flow, line: Line, datagram: Uint8Array, send: () => void): void {
    const { isBlocked, lossPercent } = this.state;
    const isLost = lossPercent > 0 && this.#random.isTrue(lossPercent / 100);
    if (isBlocked || isLost || flow.isCut || line.queuedMs > LINK_BUFFER_MS) return;
    const waitMs = line.timeFor(datagram.length);
    const sendIfOpen = (): void => {
      if (!flow.isCut && !this.#isClosed) send();
    };
    if (waitMs === 0) sendIfOpen();
    else setTimeout(sendIfOpen, waitMs).unref();
  }
}

/** Whether a datagram opens a QUIC connection: an Initial packet (RFC 9000, section 17.2.2). */
function opensConnection(datagram: Buffer): boolean {
  return ((datagram[0] ?? 0) & 0xf0) === 0xc0;
}

function udpSocket(): UdpSocket {
  const socket = createSocket({
    type: 'udp4',
    recvBufferSize: UDP_BUFFER_BYTES,
    sendBufferSize: UDP_BUFFER_BYTES,
  });
  // A port where nobody listens is told of by an error, which is no concern of a relay.
  socket.on('error', () => {});
  return socket;
}

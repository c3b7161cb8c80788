import { type Socket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import { joinAddress, splitAddress } from './address.js';
import type { Link } from './link.js';

/** Asked for, so that a burst is rarely lost in the relay; the operating system may give less. */
const BUFFER_BYTES = 4 * 1024 * 1024;

/** Changes what passes: gives the datagrams to send in place of the one that came; none is a loss. */
export type Tamper = (datagram: Buffer) => readonly Buffer[];

export function socketFor(host: string): Socket {
  const socket = createSocket({
    type: host.includes(':') ? 'udp6' : 'udp4',
    recvBufferSize: BUFFER_BYTES,
    sendBufferSize: BUFFER_BYTES,
  });
  // A port where nobody listens is told of by an error, which is no concern of a relay.
  socket.on('error', () => undefined);
  return socket;
}

/** Whether a datagram opens a QUIC connection: an Initial packet (RFC 9000, section 17.2.2). */
function opensConnection(datagram: Buffer): boolean {
  return ((datagram[0] ?? 0) & 0xf0) === 0xc0;
}

/** What comes from one client, by its address and port, and the socket that stands for it towards the target. */
class Flow {
  isCut = false;
  readonly upstream: Socket;

  constructor(host: string, giveBack: (datagram: Buffer) => void) {
    this.upstream = socketFor(host);
    this.upstream.on('message', giveBack);
  }

  cut(): void {
    if (this.isCut) return;
    this.isCut = true;
    this.upstream.close();
  }
}

/**
 * A relay of datagrams in front of a host. Where a TCP connection that is cut is told so, UDP says nothing: what is
 * cut here is silent permanently, until its client opens a new connection.
 */
export class UdpLink implements Link {
  readonly address: string;
  /** Datagrams from clients that were not let through. */
  dropped = 0;
  /** Applied to what clients send. */
  tamper: Tamper | undefined;
  readonly #socket: Socket;
  readonly #host: string;
  readonly #port: number;
  readonly #flows = new Map<string, Flow>();
  #paused = false;
  #closing: Promise<void> | undefined;

  private constructor(socket: Socket, target: string) {
    const { host, port } = splitAddress(target);
    this.#socket = socket;
    this.#host = host;
    this.#port = port;
    this.address = joinAddress(host, socket.address().port);
    socket.on('message', (datagram, { address, port: clientPort }) => {
      this.#relay(datagram, address, clientPort);
    });
  }

  /** Binds `port` of the target's own host; 0: any. */
  static async open(target: string, port = 0): Promise<UdpLink> {
    const { host } = splitAddress(target);
    const socket = socketFor(host);
    socket.bind(port, host);
    await once(socket, 'listening');
    return new UdpLink(socket, target);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
  }

  cut(): void {
    for (const flow of this.#flows.values()) flow.cut();
  }

  /** Sends to the target, for each client, as if it came from that client. */
  inject(datagram: Uint8Array): void {
    for (const flow of this.#flows.values()) this.#toTarget(flow, datagram);
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.cut();
    this.#closing ??= new Promise<void>((resolve) => {
      this.#socket.close(() => {
        resolve();
      });
    });
    return this.#closing;
  }

  #relay(datagram: Buffer, address: string, port: number): void {
    const flow = this.#flowOf(datagram, address, port);
    if (flow.isCut || this.#paused) {
      this.dropped += 1;
      return;
    }
    const passing = this.tamper === undefined ? [datagram] : this.tamper(datagram);
    if (passing.length === 0) this.dropped += 1;
    for (const each of passing) this.#toTarget(flow, each);
  }

  #flowOf(datagram: Buffer, address: string, port: number): Flow {
    const client = joinAddress(address, port);
    const known = this.#flows.get(client);
    if (known !== undefined && !(known.isCut && opensConnection(datagram))) return known;
    const flow = new Flow(this.#host, (answer) => {
      if (!this.#paused && !flow.isCut) this.#socket.send(answer, port, address, () => undefined);
    });
    this.#flows.set(client, flow);
    return flow;
  }

  #toTarget(flow: Flow, datagram: Uint8Array): void {
    if (!flow.isCut) flow.upstream.send(datagram, this.#port, this.#host, () => undefined);
  }
}

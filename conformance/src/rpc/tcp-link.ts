import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createConnection, createServer } from 'node:net';
import { turn } from '../suite/wait.js';
import { joinAddress, splitAddress } from './address.js';
import type { Link } from './link.js';

/** A TCP relay in front of a host. It keeps a copy of what its clients send, so that it can be sent again. */
export class TcpLink implements Link {
  readonly address: string;
  /** Bytes that came from clients, in one list for each connection, in the order in which they connected. */
  readonly recorded: Buffer[][] = [];
  /** Cuts up what clients send; the pieces are passed on one by one. */
  chop: ((bytes: Buffer) => readonly Buffer[]) | undefined;
  readonly #server: Server;
  readonly #target: string;
  readonly #sockets = new Set<Socket>();
  #paused = false;

  private constructor(server: Server, target: string, host: string) {
    this.#server = server;
    this.#target = target;
    this.address = joinAddress(host, (server.address() as AddressInfo).port);
    server.on('connection', (client) => {
      this.#relay(client);
    });
  }

  /** Listens at `port` of the target's own host; 0: any. */
  static async open(target: string, port = 0): Promise<TcpLink> {
    const { host } = splitAddress(target);
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.listen(port, host);
    await once(server, 'listening');
    return new TcpLink(server, target, host);
  }

  pause(): void {
    this.#paused = true;
    for (const socket of this.#sockets) socket.pause();
  }

  resume(): void {
    this.#paused = false;
    for (const socket of this.#sockets) socket.resume();
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #relay(client: Socket): void {
    const { host, port } = splitAddress(this.#target);
    const server = createConnection({ host, port, allowHalfOpen: true });
    const record: Buffer[] = [];
    this.recorded.push(record);
    client.on('data', (bytes: Buffer) => record.push(bytes));
    this.#forward(client, server, true);
    this.#forward(server, client, false);
    if (this.#paused) server.pause();
    else client.resume();
  }

  /** Nothing more is read until the last piece was passed on, each in a turn of its own. */
  async #passInPieces(from: Socket, to: Socket, pieces: readonly Buffer[]): Promise<void> {
    from.pause();
    for (const piece of pieces) {
      await turn();
      if (to.writable) to.write(piece);
    }
    if (!this.#paused) from.resume();
  }

  #forward(from: Socket, to: Socket, isFromClient: boolean): void {
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (bytes: Buffer) => {
      if (this.chop !== undefined && isFromClient) void this.#passInPieces(from, to, this.chop(bytes));
      else if (!to.write(bytes)) from.pause();
    });
    to.on('drain', () => {
      if (!this.#paused) from.resume();
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}

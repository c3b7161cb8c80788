import { once } from 'node:events';
import { type Socket, createConnection } from 'node:net';
import { splitAddress } from './address.js';

/** A TCP client that knows nothing of the transport's protocol. */
export class RawClient {
  /** Whether the host has ended the connection. */
  ended = false;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const end = (): void => {
      this.ended = true;
    };
    socket.on('end', end).on('close', end).on('error', end);
    socket.resume();
  }

  static async connect(address: string): Promise<RawClient> {
    const socket = createConnection(splitAddress(address));
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  write(bytes: Uint8Array): void {
    if (!this.ended) this.#socket.write(bytes);
  }

  /** Says that nothing more will come, and goes on reading. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

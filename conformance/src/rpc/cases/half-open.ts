import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, createConnection, createServer } from 'node:net';
import { eventually } from '../../suite/wait.js';
import { joinAddress, splitAddress } from '../address.js';
import type { Host, RPCBench } from '../harness.js';
import { batch, numbersOf } from '../make.js';
import { RawClient } from '../raw-client.js';

/** A relay of TCP for one connection, which can be as if a cable was pulled: each side is there, and hears nothing. */
class CableRelay {
  readonly address: string;
  /** Whether the host behind it has ended its connection. */
  isEnded = false;
  #isPulled = false;
  readonly #server: Server;
  readonly #sockets: Socket[] = [];

  private constructor(server: Server, target: string) {
    const { host, port } = splitAddress(target);
    this.#server = server;
    this.address = joinAddress(host, (server.address() as AddressInfo).port);
    server.on('connection', (client) => {
      const inner = createConnection({ host, port });
      this.#sockets.push(client, inner);
      this.#pass(client, inner);
      this.#pass(inner, client);
      const end = (): void => {
        this.isEnded = true;
      };
      inner.on('end', end).on('close', end);
    });
  }

  static async open(target: string): Promise<CableRelay> {
    const server = createServer();
    server.listen(0, splitAddress(target).host);
    await once(server, 'listening');
    return new CableRelay(server, target);
  }

  pull(): void {
    this.#isPulled = true;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  /** What comes is read in any case, so that an end is seen. */
  #pass(from: Socket, to: Socket): void {
    from.on('data', (bytes: Buffer) => {
      if (!this.#isPulled) to.write(bytes);
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      if (!this.#isPulled) to.destroy();
    });
  }
}

/**
 * A client that was heard and falls silent, and one that was never heard, are disconnected by the host; where
 * connections are no sockets, that is not seen from outside.
 */
export async function checkEndsSilentClients(bench: RPCBench, to: Host, timeoutMs: number): Promise<void> {
  if (!bench.harness.capabilities.network || bench.harness.notTCP === true) return;
  if ((await bench.carrierOf(to)) !== 'tcp') return;
  const from = await bench.start();
  const relay = await CableRelay.open(to.address);
  const dumb = await RawClient.connect(to.address);
  try {
    const connection = await bench.connect(from, relay.address);
    await connection.sendMessageBatch(batch(1, { sender: 5 }));
    await eventually(() => numbersOf(to.batches, 5).length === 1, 'a batch arrives');
    relay.pull();
    const heard = 'a host ends the connection of a client that was heard and has fallen silent';
    const never = 'a host ends the connection of a client that has never said anything';
    await Promise.all([
      eventually(() => relay.isEnded, heard, timeoutMs),
      eventually(() => dumb.ended, never, timeoutMs),
    ]);
  } finally {
    relay.close();
    dumb.destroy();
  }
}

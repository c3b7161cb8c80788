import { afterEach, describe, expect, it } from '@jest/globals';
import type { IConnection } from '../../rpc.js';
import { type CreateTransport, TestHosts, never, numberedBatch, until } from './hosts.js';

const MAX_CONNECTIONS = 32;
/** Half of them. */
const MAX_GUESTS = 16;
const TOO_MANY = 4;

/** That members keep their places among many others: to be called at the top level of a test file. */
export function guestTests<Options>(create: CreateTransport<Options>, options: Options): void {
  describe('connections of clients that are no members', () => {
    const hosts = new TestHosts(create);
    afterEach(() => hosts.stop());

    it('push out each other, and leave members their places', async () => {
      const [member, guest] = [await hosts.start({ options }), await hosts.start({ options })];
      const host = await hosts.start({ options, isMember: ({ from }) => from === member.address });
      const connect = async (from: typeof host): Promise<IConnection> => {
        const connection = await from.rpc.getConnection(host.address, never, host.address);
        await connection.sendMessageBatch(numberedBatch(1));
        return connection;
      };
      const first = await connect(member);
      const others: IConnection[] = [];
      for (let i = 0; i < MAX_GUESTS + TOO_MANY; i += 1) others.push(await connect(guest));
      let closed = 0;
      for (const { closed: end } of others) void end.then(() => (closed += 1));
      await until('those who are too many are cut', () => closed === TOO_MANY);
      const received = host.received.length;
      for (const connection of [first, await connect(member), others.at(-1)]) {
        await connection?.sendMessageBatch(numberedBatch(2));
      }
      await until('the others go on', () => host.received.length >= received + 3);
      expect(closed).toBe(TOO_MANY);
      expect(host.warnings.map(({ message }) => message)).toContain(
        'a client was cut: too many connections are of no members',
      );
    });
  });
}

/** Of every transport of this project. */
export const GUEST_OPTIONS = Object.freeze({ maxConnections: MAX_CONNECTIONS, connectTimeoutMs: 30_000 });

import { rejectsWith, same, truth } from '../../suite/assert.js';
import { eventually } from '../../suite/wait.js';
import type { Host, RPCBench } from '../harness.js';
import { batch, numbersOf } from '../make.js';
import { ADDRESS_CASES } from './addresses.js';
import type { RPCCase } from './rpc-case.js';

/** Fails unless `to` receives a batch from a host made for this. */
export async function checkServes(bench: RPCBench, to: Host, what: string): Promise<void> {
  const from = await bench.start();
  const connection = await bench.connect(from, to.address);
  const sender = 900 + to.batches.length;
  await connection.sendMessageBatch(batch(1, { sender }));
  await eventually(() => numbersOf(to.batches, sender).length === 1, `${what}: a batch arrives`);
  connection.close();
  await from.rpc.stop();
}

const anySignal = (): AbortSignal => new AbortController().signal;

export const LIFE_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-LIFE-1',
    title: 'a transport has a name, starts, serves and stops',
    run: async (bench) => {
      const host = await bench.start();
      truth(
        /^[a-z][a-z0-9-]*$/.test(host.rpc.name),
        `name "${host.rpc.name}" is not a short lower-case word`,
      );
      await checkServes(bench, host, 'started');
      await host.rpc.stop();
    },
  },
  {
    id: 'RPC-LIFE-2',
    title: 'stop is idempotent, also when its calls overlap, and allowed before start',
    run: async (bench) => {
      const never = await bench.make();
      await never.rpc.stop();
      await never.rpc.stop();
      const host = await bench.start();
      await Promise.all([host.rpc.stop(), host.rpc.stop()]);
      await host.rpc.stop();
    },
  },
  {
    id: 'RPC-LIFE-3',
    title: 'when stop has resolved, another transport may listen at the address at once',
    run: async (bench) => {
      const address = await bench.site.newAddress();
      for (let round = 1; round <= 5; round++) {
        const host = await bench.start({ address });
        await checkServes(bench, host, `round ${round}`);
        await host.rpc.stop();
      }
    },
  },
  {
    id: 'RPC-LIFE-4',
    title: 'a stopped transport makes no connections: ERR_TRANSPORT_STOPPED',
    run: async (bench) => {
      const target = await bench.start();
      const host = await bench.start();
      await host.rpc.stop();
      await rejectsWith(
        host.rpc.getConnection(target.address, anySignal()),
        'ERR_TRANSPORT_STOPPED',
        'getConnection',
      );
      const codes = bench.harness.capabilities.snapshots
        ? 'ERR_TRANSPORT_STOPPED'
        : ['ERR_TRANSPORT_STOPPED', 'ERR_UNSUPPORTED'];
      await rejectsWith(
        host.rpc.getSnapshotConnection(target.address, anySignal()),
        codes,
        'getSnapshotConnection',
      );
    },
  },
  {
    id: 'RPC-LIFE-5',
    title:
      'a second transport at an address is refused with ERR_ADDRESS_IN_USE; the first one does not notice',
    run: async (bench) => {
      const first = await bench.start();
      const second = await bench.make({ address: first.address });
      await rejectsWith(second.rpc.start(), 'ERR_ADDRESS_IN_USE', 'start of a second transport');
      await second.rpc.stop();
      await checkServes(bench, first, 'after the refused start');
      same(second.batches.length, 0, 'batches that the refused transport received');
    },
  },
  {
    id: 'RPC-LIFE-6',
    title: 'an address that can not be bound is refused with ERR_INVALID_ADDRESS',
    run: async (bench) => {
      // 203.0.113.0/24 is set aside for documentation (RFC 5737): no machine has it.
      for (const address of ['203.0.113.7:4000', '127.0.0.1:99999', '127.0.0.1', '']) {
        const host = await bench.make({ address });
        await rejectsWith(host.rpc.start(), 'ERR_INVALID_ADDRESS', `start at "${address}"`);
      }
    },
  },
  ...ADDRESS_CASES,
];

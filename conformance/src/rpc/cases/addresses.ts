import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { notApplicable, rejectsWith, same } from '../../suite/assert.js';
import { eventually, within } from '../../suite/wait.js';
import { splitAddress } from '../address.js';
import type { Host, RPCBench } from '../harness.js';
import { batch, numbersOf } from '../make.js';
import type { RPCCase } from './rpc-case.js';

const PROMPT_MS = 10_000;
const RESOLVED_MS = 30_000;

/** Fails unless a batch that is sent to `target` comes to `to`. */
async function checkReaches(bench: RPCBench, target: string, to: Host, expected = to.address): Promise<void> {
  const from = await bench.start();
  const before = numbersOf(to.batches).length;
  const what = `a connection to ${target}, where a host listens`;
  const connection = await within(bench.connect(from, target, undefined, expected), PROMPT_MS, what);
  await connection.sendMessageBatch(batch(1));
  await eventually(() => numbersOf(to.batches).length > before, `a batch sent to ${target} arrives`);
  connection.close();
}

/** A port of this machine, of which somebody who listens anywhere on it has no other. */
async function freePort({ site }: RPCBench): Promise<number> {
  return splitAddress(await site.newAddress()).port;
}

/** An address of IPv4 that this machine has for others. */
function otherAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

/** A connection to an address at which this host does not listen. */
async function checkNotThere(bench: RPCBench, target: string, listenAddress: string): Promise<void> {
  const from = await bench.start();
  const what = `a connection to ${target}, of a host that listens at ${listenAddress}`;
  await rejectsWith(within(bench.connect(from, target), RESOLVED_MS, what), 'ERR_CONNECT_FAILED', what);
}

async function listenElsewhere(bench: RPCBench): Promise<void> {
  const address = await bench.site.newAddress();
  const listenAddress = await bench.site.newAddress();
  const host = await bench.start({ address, listenAddress });
  await checkReaches(bench, listenAddress, host);
  const { network } = bench.harness.capabilities;
  const other = network ? otherAddress() : undefined;
  const elsewhere = other === undefined ? [] : [`${other}:${splitAddress(listenAddress).port}`];
  await Promise.all([address, ...elsewhere].map((each) => checkNotThere(bench, each, listenAddress)));
  if (!network) return;
  // 203.0.113.0/24 is set aside for documentation (RFC 5737): as behind address translation, no interface here has it.
  const port = await freePort(bench);
  const everywhere = await bench.start({ address: `203.0.113.7:${port}`, listenAddress: `0.0.0.0:${port}` });
  await checkReaches(bench, `127.0.0.1:${port}`, everywhere);
  if (other !== undefined) await checkReaches(bench, `${other}:${port}`, everywhere);
}

async function useIPv6(bench: RPCBench): Promise<void> {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  if (!all.some(({ address }) => address === '::1')) notApplicable('this machine has no IPv6');
  const address = `[::1]:${await freePort(bench)}`;
  const host = await bench.start({ address });
  await checkReaches(bench, address, host);
  await checkReaches(bench, address.replace('[::1]', '[0:0:0:0:0:0:0:1]'), host);
  const second = await bench.make({ address });
  await rejectsWith(second.rpc.start(), 'ERR_ADDRESS_IN_USE', `start of a second transport at ${address}`);
  await host.rpc.stop();
  const again = await bench.start({ address });
  await checkReaches(bench, address, again);
}

async function useNames(bench: RPCBench): Promise<void> {
  const found = await lookup('localhost').catch(() => undefined);
  if (found === undefined) notApplicable('this machine does not know localhost');
  const from = await bench.start();
  const unknown = within(
    bench.connect(from, 'nobody.invalid:4000'),
    RESOLVED_MS,
    'a connection to a name of nobody',
  );
  const refused = rejectsWith(unknown, 'ERR_CONNECT_FAILED', 'a connection to a name that nobody has');
  refused.catch(() => undefined);
  const address = `localhost:${await freePort(bench)}`;
  const host = await bench.start({ address });
  await checkReaches(bench, address, host);
  await checkReaches(bench, address.replace('localhost', 'LOCALHOST'), host);
  const { tls } = bench.site;
  if (tls !== undefined) {
    const there = await bench.start({
      address: `localhost:${await freePort(bench)}`,
      mutualTLS: tls.good[0],
    });
    const here = await bench.start({ mutualTLS: tls.good[1] });
    const connection = await bench.connect(here, there.address);
    await connection.sendMessageBatch(batch(1));
    await eventually(() => there.batches.length === 1, 'a batch arrives at a name, with mutual TLS');
  }
  await refused;
  same(from.batches.length, 0, 'batches that came to the one who sent them');
}

export const ADDRESS_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-LIFE-7',
    title: 'a host listens at listenAddress, and nowhere else',
    run: listenElsewhere,
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-LIFE-8',
    title: 'addresses may be of IPv6, in brackets',
    requires: 'network',
    run: useIPv6,
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-LIFE-9',
    title:
      'addresses may have names, which are resolved; one that nobody has is refused with ERR_CONNECT_FAILED',
    requires: 'network',
    run: useNames,
    deadlineMs: 60_000,
  },
];

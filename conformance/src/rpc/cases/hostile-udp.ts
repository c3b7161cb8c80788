import { once } from 'node:events';
import type { MessageBatch } from '@drakkar/raftio';
import { fail, same, sameList, truth } from '../../suite/assert.js';
import { SeededRandom } from '../../suite/random.js';
import { Watched, eventually, sleep } from '../../suite/wait.js';
import { splitAddress } from '../address.js';
import type { Host, RPCBench } from '../harness.js';
import { batch, numbersOf, sameBatch, upTo } from '../make.js';
import { socketFor } from '../udp-link.js';
import { checkServes } from './life.js';

const MTU_BYTES = 1400;
const PATIENCE_MS = 15_000;

/** Random bytes; one in two looks like the first packet of a QUIC connection, of this version or another. */
function rubbish(random: SeededRandom): Uint8Array {
  const bytes = random.bytes(random.chance(30) ? 1200 : random.between(0, MTU_BYTES));
  if (bytes.length < 5 || random.chance(50)) return bytes;
  bytes[0] = 0xc0 | random.between(0, 15);
  if (random.chance(70)) bytes.set([0, 0, 0, 1], 1);
  return bytes;
}

async function sendTo(address: string, datagrams: readonly Uint8Array[]): Promise<void> {
  const { host, port } = splitAddress(address);
  const socket = socketFor(host);
  socket.bind(0, host);
  await once(socket, 'listening');
  try {
    for (const each of datagrams) {
      await new Promise((resolve) => {
        socket.send(each, port, host, resolve);
      });
    }
    await sleep(5);
  } finally {
    socket.close();
  }
}

/** RPC-HOSTILE-1, where there is no connection to lose: rubbish from many clients, and on the path of a good one. */
export async function rubbishOverUDP(bench: RPCBench, host: Host): Promise<void> {
  const random = new SeededRandom(bench.seed);
  const many = (count: number): Uint8Array[] => upTo(count).map(() => rubbish(random));
  for (let client = 0; client < 20; client++) await sendTo(host.address, many(40));
  same(host.batches.length, 0, 'batches delivered out of rubbish');
  await checkServes(bench, host, 'after rubbish');
  host.batches.length = 0;
  const from = await bench.start();
  const link = await bench.networkLink(host.address);
  const connection = await bench.connect(from, link.address);
  const ended = new Watched(connection.closed);
  const numbers = upTo(20);
  for (const number of numbers) {
    for (const each of many(10)) link.udp.inject(each);
    if (ended.settled) break;
    await connection.sendMessageBatch(batch(number));
  }
  await eventually(
    () => ended.settled || numbersOf(host.batches).length === numbers.length,
    'batches arrive, or the connection ends, with rubbish on its path',
    PATIENCE_MS,
  );
  const got = numbersOf(host.batches);
  sameList(got, upTo(got.length), 'batches delivered between rubbish');
  for (const [i, each] of host.batches.entries()) sameBatch(each, batch(i + 1), `batch ${i + 1}`);
}

/** RPC-HOSTILE-2: clients that send one datagram, or an empty one, and no more. */
export async function silentOverUDP(bench: RPCBench, host: Host): Promise<void> {
  const random = new SeededRandom(bench.seed);
  for (let client = 0; client < 50; client++) {
    await sendTo(host.address, [client % 2 === 0 ? new Uint8Array(0) : rubbish(random)]);
  }
}

const LARGE_BYTES = 60_000;

/** RPC-HOSTILE-3: everything after so many datagrams is lost; the batch that they are the beginning of is not whole. */
export async function cutOverUDP(bench: RPCBench, host: Host): Promise<void> {
  const from = await bench.start();
  for (const round of upTo(12)) {
    host.batches.length = 0;
    const link = await bench.networkLink(host.address);
    const connection = await bench.connect(from, link.address);
    await connection.sendMessageBatch(batch(1, { sizeBytes: 300 }));
    await eventually(() => numbersOf(host.batches).length === 1, 'the batch before the cut arrives');
    let left = round * 3 - 2;
    link.udp.tamper = (datagram) => (left-- > 0 ? [datagram] : []);
    const sending = connection.sendMessageBatch(batch(2, { sizeBytes: LARGE_BYTES }));
    sending.catch(() => undefined);
    await eventually(
      () => link.udp.dropped > 0 || host.batches.length > 1,
      'the network loses a part, or the batch arrives',
      PATIENCE_MS,
    );
    connection.close();
    await sleep(20);
    for (const got of host.batches) checkWhole(got, `a stream cut after ${round * 3 - 2} datagrams`);
    await link.close();
  }
  host.batches.length = 0;
}

function checkWhole(got: MessageBatch, what: string): void {
  const number = got.requests[0]?.logIndex ?? 0;
  if (number !== 1 && number !== 2) fail(`${what}: a batch numbered ${number} was delivered`);
  sameBatch(got, batch(number, { sizeBytes: number === 1 ? 300 : LARGE_BYTES }), what);
}

/** One of so many datagrams at the latest is spoilt. */
const ENOUGH_UNSPOILT = 8;

function flipBits(datagram: Buffer, random: SeededRandom): Buffer {
  const spoilt = Buffer.from(datagram);
  for (let flips = random.between(1, 4); flips > 0 && spoilt.length > 0; flips--) {
    const at = random.between(0, spoilt.length - 1);
    spoilt[at] = (spoilt[at] ?? 0) ^ (1 << random.between(0, 7));
  }
  return spoilt;
}

/** RPC-HOSTILE-4: some of what passes is spoilt, opening packets too. */
export async function flipsOverUDP(bench: RPCBench, host: Host): Promise<void> {
  const random = new SeededRandom(bench.seed);
  const from = await bench.start();
  let seen = 0;
  let flipped = 0;
  for (const sender of upTo(4)) {
    const link = await bench.networkLink(host.address);
    link.udp.tamper = (datagram) => {
      seen += 1;
      // Datagrams may be large, and few.
      const isDue = flipped === 0 && seen >= ENOUGH_UNSPOILT;
      if (!random.chance(10) && !isDue) return [datagram];
      flipped += 1;
      return random.chance(50) ? [flipBits(datagram, random)] : [flipBits(datagram, random), datagram];
    };
    const attempt = new Watched(bench.connect(from, link.address));
    await eventually(() => attempt.settled, 'a connection attempt settles', PATIENCE_MS);
    const connection = attempt.value;
    if (connection === undefined) continue;
    const ended = new Watched(connection.closed);
    const sends = upTo(40).map((number) =>
      connection.sendMessageBatch(batch(number, { sender, sizeBytes: 5000 })),
    );
    void Promise.allSettled(sends);
    await eventually(
      () => ended.settled || numbersOf(host.batches, sender).length === 40,
      'batches arrive, or the connection ends, when bits are flipped',
      PATIENCE_MS,
    );
    connection.close();
    const got = numbersOf(host.batches, sender);
    sameList(got, upTo(got.length), 'order of the batches');
  }
  truth(flipped > 0, 'no datagram was spoilt');
  for (const got of host.batches) {
    const { from: sender = 0, logIndex: number = 0 } = got.requests[0] ?? {};
    sameBatch(got, batch(number, { sender, sizeBytes: 5000 }), `batch ${number} of connection ${sender}`);
  }
}

import { BIN_VER, type Message, type MessageBatch, MessageType, makeMessage } from '@drakkar/raftio';
import { entries, snapshotRecord } from '../../logdb/make.js';
import { same, sameBytes, sameList, truth } from '../../suite/assert.js';
import { SeededRandom } from '../../suite/random.js';
import { eventually, within } from '../../suite/wait.js';
import { batch, numbersOf, sameBatch, upTo } from '../make.js';
import type { RPCCase } from './rpc-case.js';
import { MIXED_ORDER_CASES, SIZE_CASES } from './sizes.js';

/** One message of every type, every field in use somewhere. */
function everyMessage(): Message[] {
  return Object.values(MessageType).map((type, i) =>
    makeMessage({
      type,
      to: Number.MAX_SAFE_INTEGER,
      from: i + 1,
      clusterID: 2 ** 40 + i,
      term: i * 3,
      logTerm: i,
      logIndex: Number.MAX_SAFE_INTEGER - i,
      commit: i * 5,
      reject: i % 2 === 0,
      hint: i % 3 === 0 ? 0xffff_ffff_ffff_ffffn : i,
      hintHigh: i % 3 === 1 ? 2n ** 63n : i,
      groupID: i % 2 === 0 ? 2 ** 50 + i : 0,
      settings: i * 1000,
      entries: type === MessageType.Replicate ? entries(1, 5, 2) : [],
      snapshot: type === MessageType.InstallSnapshot ? snapshotRecord(9, 2) : undefined,
    }),
  );
}

/** Lengths at which encodings change, and some large ones. */
const SIZES = [0, 1, 2, 125, 126, 127, 128, 65_535, 65_536, 70_000, 300_000, 1_048_576, 4_200_000];

function spoil(given: MessageBatch): void {
  for (const message of given.requests) {
    for (const entry of message.entries) entry.cmd.fill(0xee);
    message.entries = [];
    message.logIndex = 999_999;
  }
  given.requests.length = 0;
}

/** A piece of a few bytes first, where a header is likely to be; then some of any size. */
function chopped(bytes: Buffer, random: SeededRandom): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = at === 0 || random.chance(20) ? random.between(1, 7) : random.between(8, 5000);
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

/** Of twenty datagrams one is lost, one comes twice, and one later than the next. */
function disturbed(random: SeededRandom): (datagram: Buffer) => Buffer[] {
  let late: Buffer[] = [];
  return (datagram) => {
    const before = late;
    late = [];
    const chance = random.between(1, 20);
    if (chance === 1) return before;
    if (chance === 2) return [datagram, datagram, ...before];
    if (chance > 3) return [datagram, ...before];
    late = [datagram];
    return before;
  };
}

export const DELIVER_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-DELIVER-1',
    title: 'a batch arrives with every field as it was sent, however many messages it has',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      const about = { deploymentID: 77, sourceAddress: 'somewhere.example:65535', binVer: BIN_VER };
      const sent: MessageBatch[] = [
        { ...about, requests: everyMessage() },
        { ...about, requests: [] },
        { ...about, requests: [], features: 0x4000_0001 },
        { ...about, requests: [makeMessage({ type: MessageType.Heartbeat })] },
      ];
      for (const each of sent) await connection.sendMessageBatch(each);
      await eventually(() => to.batches.length >= 4, 'four batches arrive');
      for (const [i, each] of sent.entries()) sameBatch(to.batches[i], each, `batch ${i}`);
    },
  },
  {
    id: 'RPC-DELIVER-2',
    title: 'on a connection that stays open, everything taken arrives, and nothing twice',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      for (const number of upTo(3000)) await connection.sendMessageBatch(batch(number));
      await eventually(() => to.batches.length >= 3000, '3000 batches arrive', 10_000);
      const counted = numbersOf(to.batches).sort((a, b) => a - b);
      sameList(counted, upTo(3000), 'numbers of the batches, sorted');
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-DELIVER-3',
    title: 'payloads of any size and content arrive byte for byte',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      const random = new SeededRandom(bench.seed);
      const payloads = SIZES.map((sizeBytes) => random.bytes(sizeBytes));
      for (const [i, cmd] of payloads.entries()) await connection.sendMessageBatch(batch(i + 1, { cmd }));
      await eventually(() => to.batches.length >= payloads.length, 'all payloads arrive', 10_000);
      for (const [i, cmd] of payloads.entries()) {
        const got = to.batches.find(({ requests }) => requests[0]?.logIndex === i + 1);
        sameBytes(got?.requests[0]?.entries[0]?.cmd, cmd, `payload of ${cmd.length} bytes`);
      }
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-DELIVER-4',
    title: 'a batch is not modified, and not read any more once its promise has settled',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      for (const number of upTo(20)) {
        const given = batch(number, { sizeBytes: 60_000 });
        await connection.sendMessageBatch(given);
        sameBatch(given, batch(number, { sizeBytes: 60_000 }), 'a batch that was sent');
        spoil(given);
      }
      await eventually(() => to.batches.length >= 20, '20 batches arrive');
      for (const number of upTo(20)) {
        sameBatch(to.batches[number - 1], batch(number, { sizeBytes: 60_000 }), `batch ${number}`);
      }
    },
  },
  {
    id: 'RPC-DELIVER-5',
    title: 'when connections break, batches may be lost, but none arrives twice, altered or cut',
    run: async (bench) => {
      const from = await bench.start();
      const to = await bench.start();
      const link = await bench.link(to.address);
      const sizeBytes = 20_000;
      const noticeMs = await bench.noticeMs(to);
      // Where a break is noticed by silence only, each takes seconds.
      const breaks = noticeMs > 5000 ? 2 : 6;
      for (const sender of upTo(breaks)) {
        const connection = await bench.connect(from, link.address);
        const sends = upTo(40).map((number) =>
          connection.sendMessageBatch(batch(number, { sender, sizeBytes })),
        );
        void Promise.allSettled(sends);
        const before = 3 * sender;
        await eventually(() => numbersOf(to.batches, sender).length >= before, 'some batches arrive');
        link.cut();
        await within(connection.closed, noticeMs, 'closed settles after the cut');
        await Promise.allSettled(sends);
      }
      for (const sender of upTo(breaks)) {
        const numbers = numbersOf(to.batches, sender);
        truth(
          numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0)),
          `connection ${sender} delivered out of order or twice: ${numbers.join(' ')}`,
        );
      }
      for (const got of to.batches) {
        const { from: sender = 0, logIndex: number = 0 } = got.requests[0] ?? {};
        sameBatch(got, batch(number, { sender, sizeBytes }), `batch ${number} of connection ${sender}`);
      }
      same(from.batches.length, 0, 'batches that came back');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-DELIVER-6',
    title:
      'however the network cuts up, loses, repeats and reorders what passes, batches arrive whole, in order',
    requires: 'network',
    run: async (bench) => {
      const from = await bench.start();
      const to = await bench.start();
      const link = await bench.networkLink(to.address);
      const random = new SeededRandom(bench.seed);
      link.tcp.chop = (bytes) => chopped(bytes, random);
      link.udp.tamper = disturbed(random);
      const connection = await bench.connect(from, link.address);
      const sizes = upTo(150).map(() => (random.chance(5) ? 70_000 : random.between(0, 3000)));
      for (const [i, sizeBytes] of sizes.entries()) {
        await connection.sendMessageBatch(batch(i + 1, { sizeBytes }));
      }
      await eventually(() => to.batches.length >= sizes.length, 'all batches arrive', 30_000);
      sameList(numbersOf(to.batches), upTo(sizes.length), 'order of the batches');
      for (const [i, sizeBytes] of sizes.entries()) {
        sameBatch(to.batches[i], batch(i + 1, { sizeBytes }), `batch ${i + 1}`);
      }
    },
    deadlineMs: 90_000,
  },
  ...SIZE_CASES,
];

export const ORDER_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-ORDER-1',
    title: 'batches arrive in the order in which they were given, large and small, awaited or not',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      const random = new SeededRandom(bench.seed);
      const sends = upTo(400).map((number) => {
        const sizeBytes = random.chance(10) ? 200_000 : random.between(0, 2000);
        return connection.sendMessageBatch(batch(number, { sizeBytes }));
      });
      await Promise.all(sends);
      await eventually(() => to.batches.length >= 400, '400 batches arrive', 10_000);
      sameList(numbersOf(to.batches), upTo(400), 'order of the batches');
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-ORDER-2',
    title: 'the order is kept on each of several connections to the same host',
    run: async (bench) => {
      const { from, to, connection } = await bench.pair();
      const all = [connection, await bench.connect(from, to.address), await bench.connect(from, to.address)];
      await Promise.all(
        all.map(async (each, i) => {
          for (const number of upTo(150)) await each.sendMessageBatch(batch(number, { sender: i + 1 }));
        }),
      );
      await eventually(() => to.batches.length >= 450, '450 batches arrive', 10_000);
      for (const sender of [1, 2, 3]) {
        sameList(numbersOf(to.batches, sender), upTo(150), `order on connection ${sender}`);
      }
    },
    deadlineMs: 30_000,
  },
  ...MIXED_ORDER_CASES,
];

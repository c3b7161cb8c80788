import {
  BIN_VER,
  type Entry,
  type Message,
  type MessageBatch,
  MessageType,
  UNMANAGED_DEPLOYMENT_ID,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import { snapshotRecord } from '../../logdb/make.js';
import { same, sameBytes, sameList } from '../../suite/assert.js';
import { SeededRandom } from '../../suite/random.js';
import { allArrive } from '../all-arrive.js';
import { eventually, turn } from '../../suite/wait.js';
import { batch, batchOfSize, numbersOf, patterned, sameBatch, upTo } from '../make.js';
import type { RPCCase } from './rpc-case.js';

const KIB = 1024;
/** Where lengths get a byte more, and where frames, records of TLS, windows and buffers often end. */
const EDGES_BYTES = [127, 128, 255, 256, 4 * KIB, 16_383, 16 * KIB, 32 * KIB, 64 * KIB, 128 * KIB];
/** The edge may be that of a frame, which has a header of some bytes. */
const AROUND_BYTES = 20;
/** Most batches come within them, so that nothing is waited for. */
const TURNS = 50;
const SMALLEST_BYTES = 110;
const MOST_DRAWN_BYTES = 300 * KIB;

/** Sizes around each edge, multiples of 16 KiB, and some that are drawn. */
function encodedSizes(random: SeededRandom): number[] {
  const around = EDGES_BYTES.flatMap((edge) =>
    Array.from({ length: 2 * AROUND_BYTES + 1 }, (_, i) => edge - AROUND_BYTES + i),
  );
  const multiples = upTo(40).map(() => 16 * KIB * random.between(3, 100));
  const drawn = upTo(40).map(() => random.between(SMALLEST_BYTES, MOST_DRAWN_BYTES));
  const all = [...around, ...multiples.slice(0, 8), ...drawn, 1024 * KIB, 4096 * KIB];
  return all.filter((sizeBytes) => sizeBytes >= SMALLEST_BYTES);
}

function wrap(requests: Message[]): MessageBatch {
  return { requests, deploymentID: UNMANAGED_DEPLOYMENT_ID, sourceAddress: 'host-1:1', binVer: BIN_VER };
}

/** A number of messages or entries above what 16 bits count. */
function drawnCount(random: SeededRandom): number {
  return 65_536 + random.between(0, 20_000);
}

function manyMessages(count: number): MessageBatch {
  return wrap(
    upTo(count).map((logIndex) =>
      makeMessage({ type: MessageType.HeartbeatResp, from: 1, to: 2, clusterID: 3, term: 4, logIndex }),
    ),
  );
}

function manyEntries(count: number): MessageBatch {
  const entries: Entry[] = upTo(count).map((index) =>
    makeEntry({ term: 4, index, cmd: patterned(index, index % 4) }),
  );
  return wrap([
    makeMessage({ type: MessageType.Replicate, from: 1, to: 2, clusterID: 3, term: 4, logIndex: 1, entries }),
  ]);
}

/** One message of some type, with what such a message carries, of a size that is drawn. */
function drawnMessage(number: number, random: SeededRandom): Message {
  const types = [
    MessageType.Heartbeat,
    MessageType.HeartbeatResp,
    MessageType.Replicate,
    MessageType.ReplicateResp,
    MessageType.RequestVote,
    MessageType.InstallSnapshot,
    MessageType.ReadIndex,
    MessageType.TimeoutNow,
  ];
  const type = types[random.between(0, types.length - 1)] ?? MessageType.Heartbeat;
  const sizeBytes = random.chance(10) ? random.between(60_000, 250_000) : random.between(0, 2000);
  const cmd = patterned(number, sizeBytes);
  const hasEntries = type === MessageType.Replicate;
  return makeMessage({
    type,
    from: 1,
    to: 2,
    clusterID: 3,
    term: 4,
    logIndex: number,
    entries: hasEntries ? [makeEntry({ term: 4, index: number, cmd })] : [],
    snapshot: type === MessageType.InstallSnapshot ? snapshotRecord(number, 4) : undefined,
  });
}

const DELIVERED_BYTES = 3000;

export const SIZE_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-DELIVER-7',
    title: 'batches arrive whatever size their encoding has, one after the other',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      const sizes = encodedSizes(new SeededRandom(bench.seed));
      for (const [i, sizeBytes] of sizes.entries()) {
        const given = batchOfSize(i + 1, sizeBytes);
        await connection.sendMessageBatch(given);
        for (let turns = 0; turns < TURNS && to.batches.length <= i; turns++) await turn();
        await eventually(
          () => to.batches.length >= i + 1,
          `a batch whose encoding has ${sizeBytes} bytes, sent when those before had arrived, arrives`,
          10_000,
        );
        sameBatch(to.batches[i], given, `the batch of ${sizeBytes} bytes`);
      }
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-DELIVER-8',
    title: 'a batch has as many messages, and a message as many entries, as fit into it',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      const random = new SeededRandom(bench.seed);
      const messages = drawnCount(random);
      await connection.sendMessageBatch(manyMessages(messages));
      const entries = drawnCount(random);
      await connection.sendMessageBatch(manyEntries(entries));
      await eventually(() => to.batches.length >= 2, `${messages} messages and ${entries} entries`, 30_000);
      const got = to.batches[0]?.requests ?? [];
      same(got.length, messages, 'number of the messages of one batch');
      sameList(
        got.map(({ logIndex }) => logIndex),
        upTo(messages),
        'the messages of one batch',
      );
      const gotEntries = to.batches[1]?.requests[0]?.entries ?? [];
      same(gotEntries.length, entries, 'number of the entries of one message');
      for (const [i, { index, cmd }] of gotEntries.entries()) {
        same(index, i + 1, `index of entry ${i}`);
        sameBytes(cmd, patterned(i + 1, (i + 1) % 4), `command of entry ${i}`);
      }
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-DELIVER-9',
    title: 'a batch belongs to the handler that it was given to, who may keep and change it',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      // Each batch is sent twice, alike: the first is spoilt as soon as it is there, the second is kept.
      const count = 40;
      for (const number of upTo(count)) {
        const sent = [1, 2].map(() =>
          connection.sendMessageBatch(batch(number, { sizeBytes: DELIVERED_BYTES })),
        );
        await Promise.all(sent);
        await eventually(() => to.batches.length >= 2 * number - 1, `batch ${number} arrives`);
        for (const { entries } of to.batches[2 * number - 2]?.requests ?? []) {
          for (const { cmd } of entries) cmd.fill(0xee);
        }
      }
      await eventually(() => to.batches.length >= 2 * count, 'all batches arrive');
      for (const number of upTo(count)) {
        const what = `batch ${number}, after one like it was changed by who got it`;
        sameBatch(to.batches[2 * number - 1], batch(number, { sizeBytes: DELIVERED_BYTES }), what);
        const changed = to.batches[2 * number - 2]?.requests[0]?.entries[0]?.cmd;
        sameBytes(
          changed,
          new Uint8Array(DELIVERED_BYTES).fill(0xee),
          `batch ${number}, as its owner left it`,
        );
      }
    },
    deadlineMs: 30_000,
  },
];

export const MIXED_ORDER_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-ORDER-3',
    title: 'batches of whatever types of messages and sizes arrive in one order',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      const random = new SeededRandom(bench.seed);
      const count = 500;
      const sends: Promise<void>[] = [];
      for (const number of upTo(count)) {
        const sent = connection.sendMessageBatch(wrap([drawnMessage(number, random)]));
        sends.push(sent);
        if (random.chance(20)) await sent;
      }
      await Promise.all(sends);
      await allArrive(to, count, 'batches of several types');
      sameList(numbersOf(to.batches), upTo(count), 'order of batches of several types');
    },
    deadlineMs: 40_000,
  },
];

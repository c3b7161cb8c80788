import { type IConnection, MAX_MESSAGE_BYTES } from '@drakkar/raftio';
import { describeError, fail, rejectsWith, same, sameList, truth } from '../../suite/assert.js';
import { Watched, eventually, sleep, within } from '../../suite/wait.js';
import { type RPCBench, SEND_BUFFER_BYTES } from '../harness.js';
import { batch, batchOfSize, numbersOf, patterned, sameBatch, upTo } from '../make.js';
import { checkMemory } from './peers.js';
import type { RPCCase } from './rpc-case.js';

const BATCH_BYTES = 128 * 1024;
/** What the operating system and a relay may hold on top of the transport's own buffer. */
const SLACK_BYTES = 48 * 1024 * 1024;
const STALLED_MS = 300;
/** Turns of the event loop in that time at least: of a process that had no turn nothing is known. */
const STALLED_POLLS = 150;

/**
 * Sends one batch after the other until a promise stays pending; gives that promise, and how many were taken. A
 * polite sender: it holds one batch at a time.
 */
export async function sendUntilStalled(
  connection: IConnection,
  sender = 1,
): Promise<{ stalled: Watched<void>; taken: number }> {
  const cmd = patterned(sender, BATCH_BYTES);
  const most = Math.ceil((SEND_BUFFER_BYTES + SLACK_BYTES) / BATCH_BYTES);
  for (let number = 1; ; number++) {
    const send = new Watched(connection.sendMessageBatch(batch(number, { sender, cmd })));
    const end = performance.now() + STALLED_MS;
    for (let polls = 0; !send.settled && (polls < STALLED_POLLS || performance.now() < end); polls++) {
      await sleep(1);
    }
    if (!send.settled) return { stalled: send, taken: number - 1 };
    const what = `batch ${number} to a slow peer, whose connection is open`;
    if (send.state === 'rejected') fail(`${what}: it was rejected with ${describeError(send.error)}`);
    truth(
      number <= most,
      `${number} batches of ${BATCH_BYTES} bytes were taken for a peer that reads nothing`,
    );
  }
}

/** Two hosts and a connection through a link that lets nothing pass any more. */
export async function slowPair(bench: RPCBench): Promise<{
  from: Awaited<ReturnType<RPCBench['start']>>;
  to: Awaited<ReturnType<RPCBench['start']>>;
  link: Awaited<ReturnType<RPCBench['link']>>;
  connection: IConnection;
}> {
  const from = await bench.start();
  const to = await bench.start();
  const link = await bench.link(to.address);
  const connection = await bench.connect(from, link.address);
  link.pause();
  return { from, to, link, connection };
}

export const BOUND_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-BOUND-1',
    title: 'for a peer that does not read, a bounded amount is taken; then the promise stays pending',
    run: async (bench) => {
      const { to, link, connection } = await slowPair(bench);
      const { stalled, taken } = await sendUntilStalled(connection);
      await stalled.staysPending(500, 'a batch to a peer that does not read');
      link.resume();
      await eventually(() => stalled.settled, 'the stalled batch is taken when the peer reads again', 10_000);
      same(stalled.state, 'resolved', 'the stalled batch');
      await eventually(() => to.batches.length > taken, 'everything taken arrives', 10_000);
      sameList(numbersOf(to.batches), upTo(taken + 1), 'numbers of the batches');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-BOUND-2',
    title: 'a pending batch is refused with ERR_CONNECTION_CLOSED when the connection ends',
    run: async (bench) => {
      for (const end of ['close', 'cut'] as const) {
        const { to, link, connection } = await slowPair(bench);
        const { stalled } = await sendUntilStalled(connection);
        const noticeMs = await bench.noticeMs(to);
        if (end === 'close') connection.close();
        else link.cut();
        await eventually(() => stalled.settled, `the pending batch settles after ${end}`, noticeMs);
        await rejectsWith(stalled.promise, 'ERR_CONNECTION_CLOSED', `the pending batch after ${end}`);
      }
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-BOUND-3',
    title: 'a slow peer does not hold up the connections to others',
    run: async (bench) => {
      const { from, connection } = await slowPair(bench);
      const { stalled } = await sendUntilStalled(connection);
      const third = await bench.start();
      const other = await bench.connect(from, third.address);
      for (const number of upTo(200)) {
        await within(other.sendMessageBatch(batch(number)), 5000, 'a batch to another peer is taken');
      }
      await eventually(() => third.batches.length >= 200, 'batches to another peer arrive');
      same(stalled.state, 'pending', 'the batch to the slow peer');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-BOUND-4',
    title: 'a batch of exactly MAX_MESSAGE_BYTES is delivered',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      const given = batchOfSize(1, MAX_MESSAGE_BYTES);
      await connection.sendMessageBatch(given);
      await connection.sendMessageBatch(batch(2));
      await eventually(() => to.batches.length >= 2, 'the large batch and the next one arrive', 40_000);
      sameBatch(to.batches[0], given, 'the large batch');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-BOUND-5',
    title:
      'a batch above MAX_MESSAGE_BYTES is refused with ERR_MESSAGE_TOO_LARGE; the connection stays usable',
    run: async (bench) => {
      const { to, connection } = await bench.pair();
      const what = (sizeBytes: number): string =>
        `a batch of ${sizeBytes} bytes, where ${MAX_MESSAGE_BYTES} are allowed`;
      const sizeBytes = MAX_MESSAGE_BYTES + 4096;
      const refused = connection.sendMessageBatch(batchOfSize(1, sizeBytes));
      await rejectsWith(refused, 'ERR_MESSAGE_TOO_LARGE', what(sizeBytes));
      // Where an encoding of its own is shorter, one that is above the limit by a byte is taken, and delivered.
      const above = new Watched(connection.sendMessageBatch(batchOfSize(2, MAX_MESSAGE_BYTES + 1)));
      await eventually(() => above.settled, `${what(MAX_MESSAGE_BYTES + 1)} settles`, 20_000);
      const isTaken = above.state === 'resolved';
      if (!isTaken) {
        await rejectsWith(above.promise, 'ERR_MESSAGE_TOO_LARGE', what(MAX_MESSAGE_BYTES + 1));
      }
      await connection.sendMessageBatch(batch(3));
      const expected = isTaken ? [2, 3] : [3];
      await eventually(() => to.batches.length >= expected.length, 'what was taken arrives', 20_000);
      sameList(numbersOf(to.batches), expected, 'numbers of the batches');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-BOUND-6',
    title: 'the memory of two processes stays bounded, when the reader is stopped and when it is slow',
    requires: 'network',
    run: checkMemory,
    deadlineMs: 240_000,
  },
];

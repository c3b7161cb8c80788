import type { IConnection } from '@drakkar/raftio';
import { describeError, rejects, rejectsWith, same, sameList, truth } from '../../suite/assert.js';
import { Watched, eventually, within } from '../../suite/wait.js';
import type { RPCBench } from '../harness.js';
import { batch, chunk, numbersOf, upTo } from '../make.js';
import { ATTEMPT_CASES } from './attempts.js';
import { checkEndsSilentClients } from './half-open.js';
import { checkKilledPeer } from './peers.js';
import type { RPCCase } from './rpc-case.js';

const PROMPT_MS = 3000;

/** Fails unless the connection ends by itself, and then refuses every batch. */
export async function checkGone(connection: IConnection, what: string, timeoutMs = 5000): Promise<unknown> {
  const closed = new Watched(connection.closed);
  await eventually(() => closed.settled, `${what}: closed settles`, timeoutMs);
  same(closed.state, 'resolved', `${what}: closed`);
  await rejectsWith(
    connection.sendMessageBatch(batch(1)),
    'ERR_CONNECTION_CLOSED',
    `${what}: a batch afterwards`,
  );
  return closed.value;
}

const GIVES_UP_MS = 30_000;

async function giveUp(bench: RPCBench): Promise<void> {
  const from = await bench.start();
  const to = await bench.start();
  // Idle for longer than any that is given up below.
  const idle = await bench.connect(from, to.address);
  await idle.sendMessageBatch(batch(1, { sender: 2 }));
  await eventually(() => numbersOf(to.batches, 2).length === 1, 'a batch of the idle connection arrives');
  const idleClosed = new Watched(idle.closed);
  const link = await bench.link(to.address);
  const connection = await bench.connect(from, link.address);
  await connection.sendMessageBatch(batch(1));
  await eventually(() => numbersOf(to.batches).length === 1, 'a batch arrives');
  const { snapshots } = bench.harness.capabilities;
  const stream = snapshots ? await bench.connectSnapshot(from, link.address) : undefined;
  await stream?.sendSnapshotChunk(chunk(0, 3));
  await eventually(() => !snapshots || to.sinks[0]?.taken === 1, 'a chunk is taken');
  link.pause();
  const attempt = new Watched(bench.connect(from, link.address));
  await Promise.all([
    within(connection.closed, GIVES_UP_MS, 'closed of an idle connection to a peer that fell silent settles'),
    eventually(() => attempt.settled, 'an attempt at a silent peer settles', GIVES_UP_MS),
    eventually(() => !snapshots || to.sinks[0]?.closes === 1, 'the sink is closed', GIVES_UP_MS),
    checkEndsSilentClients(bench, to, GIVES_UP_MS),
  ]);
  await rejectsWith(attempt.promise, 'ERR_CONNECT_FAILED', 'an attempt at a silent peer');
  if (stream !== undefined) await rejects(stream.finish(), 'finish of a stream to a silent peer');
  same(idleClosed.state, 'pending', 'closed of an idle connection to a peer that lives');
  await idle.sendMessageBatch(batch(2, { sender: 2 }));
  await eventually(() => numbersOf(to.batches, 2).length === 2, 'the idle connection delivers again');
  link.resume();
  const next = await bench.connect(from, link.address);
  await next.sendMessageBatch(batch(2));
  await eventually(() => numbersOf(to.batches).includes(2), 'a batch arrives when the peer is back');
}

const UNWANTED_MS = 500;

/** Dials a host in the belief that it is another. */
async function mistake(bench: RPCBench): Promise<void> {
  const { from, to } = await bench.pair();
  const other = await bench.start();
  const link = await bench.networkLink(to.address);
  const signal = new AbortController().signal;
  const before = to.warnings.length;
  for (const target of [to.address, link.address]) {
    const attempt = new Watched(from.rpc.getConnection(target, signal, other.address));
    await eventually(() => attempt.settled, 'an attempt at the wrong host settles');
    if (attempt.value === undefined) {
      await rejectsWith(attempt.promise, 'ERR_CONNECT_FAILED', 'an attempt at the wrong host');
      continue;
    }
    const closed = new Watched(attempt.value.closed);
    const sent = new Watched(attempt.value.sendMessageBatch(batch(1)));
    await eventually(() => closed.settled && sent.settled, 'a connection to the wrong host ends');
    await checkGone(attempt.value, 'a connection to the wrong host');
  }
  await eventually(() => to.warnings.length > before, 'the host that was not meant warns');
  // The same address, as others may spell it.
  const respelled = to.address.replace(/:(\d+)$/, ':0$1');
  for (const [target, expected] of [
    [to.address, to.address],
    [link.address, respelled],
  ] as const) {
    const connection = await from.rpc.getConnection(target, signal, expected);
    const closed = new Watched(connection.closed);
    await connection.sendMessageBatch(batch(2, { sender: 2 }));
    await closed.staysPending(UNWANTED_MS, 'closed of a connection to the right host');
    connection.close();
  }
  await eventually(() => numbersOf(to.batches, 2).length === 2, 'batches for the right host arrive');
  sameList(numbersOf(to.batches), [], 'batches that the wrong host was given');
}

export const CONN_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-CONN-1',
    title: 'a connection to an address where nobody listens is refused with ERR_CONNECT_FAILED',
    run: async (bench) => {
      const from = await bench.start();
      const nobody = await bench.site.newAddress();
      const attempt = within(bench.connect(from, nobody), 10_000, 'a connection to nobody');
      await rejectsWith(attempt, 'ERR_CONNECT_FAILED', 'a connection to nobody');
    },
  },
  {
    id: 'RPC-CONN-2',
    title: 'an abort ends a connection attempt, at any time, with ERR_CONNECT_FAILED',
    run: async (bench) => {
      const from = await bench.start();
      const to = await bench.start();
      const late = within(
        bench.connect(from, to.address, AbortSignal.abort()),
        PROMPT_MS,
        'an attempt that was aborted before',
      );
      await rejectsWith(late, 'ERR_CONNECT_FAILED', 'an attempt that was aborted before');
      const link = await bench.link(to.address);
      link.pause();
      const abort = new AbortController();
      const attempt = new Watched(bench.connect(from, link.address, abort.signal));
      await attempt.staysPending(100, 'an attempt at a silent peer');
      abort.abort();
      await eventually(() => attempt.settled, 'an attempt settles after its abort', PROMPT_MS);
      await rejectsWith(attempt.promise, 'ERR_CONNECT_FAILED', 'an attempt after its abort');
    },
  },
  {
    id: 'RPC-CONN-3',
    title: 'connections are independent: the end of one leaves the others',
    run: async (bench) => {
      const { from, to, connection } = await bench.pair();
      const other = await bench.connect(from, to.address);
      await connection.sendMessageBatch(batch(1, { sender: 1 }));
      connection.close();
      await connection.closed;
      for (const number of upTo(20)) await other.sendMessageBatch(batch(number, { sender: 2 }));
      await eventually(() => numbersOf(to.batches, 2).length === 20, 'the other connection delivers');
    },
  },
  {
    id: 'RPC-CONN-4',
    title: 'two hosts send to each other at the same time',
    run: async (bench) => {
      const { from: a, to: b, connection: there } = await bench.pair();
      const back = await bench.connect(b, a.address);
      for (const number of upTo(200)) {
        await Promise.all([
          there.sendMessageBatch(batch(number, { sender: 1 })),
          back.sendMessageBatch(batch(number, { sender: 2 })),
        ]);
      }
      const arrived = (): boolean =>
        numbersOf(b.batches, 1).length >= 200 && numbersOf(a.batches, 2).length >= 200;
      await eventually(arrived, '200 batches each way');
      sameList(numbersOf(b.batches, 1), upTo(200), 'batches there');
      sameList(numbersOf(a.batches, 2), upTo(200), 'batches back');
    },
  },
  {
    id: 'RPC-CONN-5',
    title: 'close ends a connection: closed settles, batches are refused with ERR_CONNECTION_CLOSED',
    run: async (bench) => {
      const { connection } = await bench.pair();
      const closed = new Watched(connection.closed);
      await closed.staysPending(50, 'closed of an open connection');
      connection.close();
      connection.close();
      await checkGone(connection, 'closed');
      connection.close();
    },
  },
  {
    id: 'RPC-CONN-6',
    title: 'the stop of the peer ends a connection; when it is back, a new one can be made',
    run: async (bench) => {
      const { from, to, connection } = await bench.pair();
      await to.rpc.stop();
      await checkGone(connection, 'after the stop of the peer');
      const again = await bench.start({ address: to.address });
      const next = await bench.connect(from, to.address);
      await next.sendMessageBatch(batch(1));
      await eventually(
        () => numbersOf(again.batches).length === 1,
        'a batch arrives at the peer that is back',
      );
    },
  },
  {
    id: 'RPC-CONN-7',
    title: 'a cut network ends a connection; closed settles, without a rejection, and says why',
    run: async (bench) => {
      const from = await bench.start();
      const to = await bench.start();
      const link = await bench.link(to.address);
      const connection = await bench.connect(from, link.address);
      await connection.sendMessageBatch(batch(1));
      await eventually(() => numbersOf(to.batches).length === 1, 'a batch arrives');
      link.cut();
      const reason = await checkGone(connection, 'after the cut', await bench.noticeMs(to));
      const message = (reason as { message?: unknown } | undefined)?.message;
      truth(
        typeof message === 'string' && message !== '',
        `closed of a connection that the network has cut: expected an error that says why, got ${describeError(reason)}`,
      );
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-CONN-8',
    title: 'a target that is no address is refused',
    run: async (bench) => {
      const from = await bench.start();
      for (const target of ['', 'no-port', '127.0.0.1:99999', 'bad host:1']) {
        const attempt = within(bench.connect(from, target), 10_000, `a connection to "${target}"`);
        await rejectsWith(
          attempt,
          ['ERR_INVALID_ADDRESS', 'ERR_CONNECT_FAILED'],
          `a connection to "${target}"`,
        );
      }
    },
  },
  {
    id: 'RPC-CONN-9',
    title:
      'a peer that falls silent is given up: connections and streams end, attempts are refused; one that lives is not',
    run: giveUp,
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-CONN-10',
    title: 'a peer whose process is killed ends a connection; another may take its address at once',
    requires: 'network',
    run: (bench) => checkKilledPeer(bench, (peer) => bench.noticeMs(peer)),
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-CONN-11',
    title: 'a connection to another host than the one that is expected is not made, or ends at once',
    requires: 'network',
    run: mistake,
    deadlineMs: 40_000,
  },
  ...ATTEMPT_CASES,
];

import type { IConnection } from '@drakkar/raftio';
import { notApplicable, rejects, same, truth } from '../../suite/assert.js';
import { Watched, eventually, patient, sleep, turn, within } from '../../suite/wait.js';
import type { Host, RPCBench } from '../harness.js';
import { batch, chunk, upTo } from '../make.js';
import { RawClient } from '../raw-client.js';
import { sendUntilStalled, slowPair } from './bound.js';
import type { RPCCase } from './rpc-case.js';

const PROMPT_MS = 5000;
/** What keeps a process alive and that a transport may have opened. */
const HANDLES = /TCP|TLS|UDP|Pipe|Timeout|Worker|MessagePort|DNS|GetAddrInfo|HTTP/i;

function handleCount(): number {
  return process.getActiveResourcesInfo().filter((name) => HANDLES.test(name)).length;
}

/** Everything that opens a handle, and `stop` in the middle of it. */
async function useAndStop(bench: RPCBench): Promise<void> {
  const { from, to, connection } = await bench.pair();
  const back = await bench.connect(to, from.address);
  for (const number of upTo(50)) {
    await connection.sendMessageBatch(batch(number));
    await back.sendMessageBatch(batch(number));
  }
  if (bench.harness.capabilities.snapshots) {
    const stream = await bench.connectSnapshot(from, to.address);
    await stream.sendSnapshotChunk(chunk(0, 3));
  }
  void bench.connect(from, to.address).catch(() => undefined);
  await Promise.all([from.rpc.stop(), to.rpc.stop()]);
}

const BATCHES_A_TURN = 32;

/**
 * Keeps batches on their way until it is told to stop or the connection refuses one. Lets others have their turn, even
 * where every promise is resolved at once.
 */
async function keepSending(connection: IConnection, stop: AbortSignal): Promise<void> {
  for (let number = 1; !stop.aborted; number++) {
    if (number % BATCHES_A_TURN === 0) await turn();
    await connection.sendMessageBatch(batch(number, { sizeBytes: 2000 }));
  }
}

/** Over UDP a raw client holds nothing open; hosts that have fallen silent do. */
async function stopWithIdlePeers(bench: RPCBench, host: Host): Promise<void> {
  const from = await bench.start();
  const link = await bench.link(host.address);
  for (let count = 0; count < 5; count++) await bench.connect(from, link.address);
  link.pause();
  await within(host.rpc.stop(), PROMPT_MS, 'stop with peers that have fallen silent');
}

/** Clients that have begun a TLS handshake, and a host that dials somebody who does not go on with it. */
async function stopInHandshakes(bench: RPCBench): Promise<void> {
  const { good } = bench.site.tls ?? notApplicable('the harness has no tls');
  const host = await bench.start({ mutualTLS: good[0] });
  const isTCP = (await bench.carrierOf(host)) === 'tcp';
  const from = await bench.start({ mutualTLS: good[1] });
  const link = await bench.networkLink(host.address);
  // Of what a client says, only the beginning comes: it has opened a handshake, and does not go on.
  let passed = 0;
  link.tcp.chop = (bytes) => (passed++ === 0 ? [bytes.subarray(0, 40)] : []);
  link.udp.tamper = (datagram) => (passed++ === 0 ? [datagram] : []);
  const attempts = upTo(3).map(() => new Watched(bench.connect(from, link.address)));
  const silent = isTCP ? await Promise.all(upTo(5).map(() => RawClient.connect(host.address))) : [];
  try {
    await eventually(() => passed > 0, 'a handshake has begun');
    await within(host.rpc.stop(), PROMPT_MS, 'stop with clients that are in their TLS handshake');
    const ended = 'clients that were in their TLS handshake are disconnected';
    await eventually(() => silent.every((each) => each.ended), ended);
    await within(from.rpc.stop(), PROMPT_MS, 'stop during TLS handshakes of its own');
    const what = 'attempts whose handshake was under way settle';
    await eventually(() => attempts.every(({ settled }) => settled), what);
    for (const { promise } of attempts) await rejects(promise, 'an attempt after stop');
  } finally {
    for (const each of silent) each.destroy();
  }
}

export const STOP_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-STOP-1',
    title: 'stop returns in bounded time although a peer hangs, and ends every connection',
    run: async (bench) => {
      const { from, connection } = await slowPair(bench);
      const { stalled } = await sendUntilStalled(connection);
      await within(from.rpc.stop(), PROMPT_MS, 'stop with a peer that hangs');
      await eventually(() => stalled.settled, 'the pending batch settles');
      same(stalled.state, 'rejected', 'the pending batch after stop');
      const closed = new Watched(connection.closed);
      await eventually(() => closed.settled, 'closed settles');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-STOP-2',
    title: 'stop ends connection attempts',
    run: async (bench) => {
      const from = await bench.start();
      const to = await bench.start();
      const link = await bench.link(to.address);
      link.pause();
      const attempt = new Watched(bench.connect(from, link.address));
      await attempt.staysPending(300, 'an attempt at a silent peer');
      await within(from.rpc.stop(), PROMPT_MS, 'stop during a connection attempt');
      await eventually(() => attempt.settled, 'the attempt settles');
      await rejects(attempt.promise, 'the attempt after stop');
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-STOP-3',
    title: 'when stop has resolved, nothing is delivered any more and every sink is closed, once',
    run: async (bench) => {
      const { from, to, connection } = await bench.pair();
      const { snapshots } = bench.harness.capabilities;
      if (snapshots) {
        const stream = await bench.connectSnapshot(from, to.address);
        await stream.sendSnapshotChunk(chunk(0, 9));
        await eventually(() => to.sinks[0]?.taken === 1, 'a chunk is taken');
      }
      const enough = new AbortController();
      const sending = new Watched(keepSending(connection, enough.signal));
      try {
        await eventually(() => to.batches.length > 100, 'batches arrive');
        same(sending.state, 'pending', 'sending before stop');
        await to.rpc.stop();
      } finally {
        enough.abort();
      }
      const after = to.batches.length;
      same(to.sinks.length, snapshots ? 1 : 0, 'number of sinks');
      for (const sink of to.sinks) same(sink.closes, 1, 'calls of close when stop has resolved');
      for (let turns = 0; turns < 20; turns++) await turn();
      same(to.batches.length, after, 'batches delivered, some time after stop');
      for (const sink of to.sinks) same(sink.closes, 1, 'calls of close, some time after stop');
    },
  },
  {
    id: 'RPC-STOP-4',
    title: 'stop leaves no handle behind that would keep the process alive',
    requires: 'network',
    run: async (bench) => {
      // The case's own deadline must be running, or it would be counted among what was left behind.
      await turn();
      const before = handleCount();
      await useAndStop(bench);
      const end = performance.now() + patient(PROMPT_MS);
      while (handleCount() > before && performance.now() < end) await sleep(10);
      const left = process.getActiveResourcesInfo().filter((name) => HANDLES.test(name));
      truth(left.length <= before, `open before: ${before} handles; after stop: ${left.join(', ')}`);
    },
  },
  {
    id: 'RPC-STOP-5',
    title: 'stop returns in bounded time although clients hold idle connections open',
    requires: 'network',
    run: async (bench) => {
      const host = await bench.start();
      if ((await bench.carrierOf(host)) === 'udp') return stopWithIdlePeers(bench, host);
      const clients = await Promise.all(upTo(5).map(() => RawClient.connect(host.address)));
      try {
        await within(host.rpc.stop(), PROMPT_MS, 'stop with idle clients');
        await eventually(() => clients.every(({ ended }) => ended), 'the idle clients are disconnected');
      } finally {
        for (const client of clients) client.destroy();
      }
    },
  },
  {
    id: 'RPC-STOP-6',
    title: 'stop returns in bounded time although TLS handshakes are under way, on either side',
    requires: 'mutualTLS',
    run: stopInHandshakes,
    deadlineMs: 40_000,
  },
];

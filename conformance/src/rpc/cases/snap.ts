import { type ISnapshotConnection, SNAPSHOT_CHUNK_SIZE_BYTES } from '@drakkar/raftio';
import { rejects, rejectsWith, same, sameList, truth } from '../../suite/assert.js';
import { SeededRandom } from '../../suite/random.js';
import { Watched, eventually, sleep, within } from '../../suite/wait.js';
import type { Host, HostOptions, RPCBench } from '../harness.js';
import { chunk, sameChunk } from '../make.js';
import { Gate, RecordingSink } from '../recording-sink.js';
import { checkServes } from './life.js';
import type { RPCCase } from './rpc-case.js';
import { STREAM_CASES, atOnce, mixStreams } from './streams.js';

interface Stream {
  from: Host;
  to: Host;
  stream: ISnapshotConnection;
}

async function open(bench: RPCBench, options: HostOptions = {}): Promise<Stream> {
  const from = await bench.start();
  const to = await bench.start(options);
  return { from, to, stream: await bench.connectSnapshot(from, to.address) };
}

/** The one sink of a host has been closed, once, and nothing was given to it afterwards or twice at a time. */
async function checkSinkClosed(to: Host, what: string, timeoutMs = 5000): Promise<RecordingSink> {
  await eventually(() => to.sinks.some(({ closes }) => closes > 0), `${what}: the sink is closed`, timeoutMs);
  await sleep(20);
  same(to.sinks.length, 1, `${what}: number of sinks`);
  const sink = to.sinks[0] ?? new RecordingSink();
  same(sink.closes, 1, `${what}: calls of close`);
  same(sink.overlaps, 0, `${what}: calls of addChunk while another was pending`);
  same(sink.late, 0, `${what}: calls of addChunk after close`);
  return sink;
}

const UNEQUAL_CHUNKS = 32;
/** Far more than any chunk takes; limits grow with the load. */
const UNEQUAL_MS = 15_000;

/** Small chunks and, behind them, large ones: who counts what is on its way by the wrong chunk comes to a stop. */
async function streamUnequal(bench: RPCBench): Promise<void> {
  const random = new SeededRandom(bench.seed);
  const sizes = Array.from({ length: UNEQUAL_CHUNKS }, (_, id) =>
    id < 4 ? random.between(1, 100) : random.between(200_000, 400_000),
  );
  const { to, stream } = await open(bench);
  for (const [id, size] of sizes.entries()) {
    const sent = stream.sendSnapshotChunk(chunk(id, UNEQUAL_CHUNKS, size));
    await within(sent, UNEQUAL_MS, `chunk ${id} of ${size} bytes, behind smaller ones, is accepted`);
  }
  await within(stream.finish(), UNEQUAL_MS, 'finish of a stream of chunks of unequal sizes');
  const sink = await checkSinkClosed(to, 'finished');
  sameList(
    sink.chunks.map(({ data }) => data.length),
    sizes,
    'sizes of the chunks that came',
  );
}

/** Sends chunks until the stream says no, at most `count`; then asks for its end. Gives the rejection. */
async function sendUntilRefused(stream: ISnapshotConnection, count: number): Promise<unknown> {
  return rejects(
    (async () => {
      for (let id = 0; id < count; id++) await stream.sendSnapshotChunk(chunk(id, count));
      await stream.finish();
    })(),
    'the stream',
  );
}

async function refusesSnapshots(bench: RPCBench): Promise<void> {
  const from = await bench.start();
  const to = await bench.start();
  await rejectsWith(bench.connectSnapshot(from, to.address), 'ERR_UNSUPPORTED', 'getSnapshotConnection');
}

export const SNAP_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-SNAP-1',
    title: 'chunks arrive in order and unaltered, and finish resolves when the last was taken',
    requires: 'snapshots',
    run: async (bench) => {
      const { to, stream } = await open(bench);
      const count = 40;
      for (let id = 0; id < count; id++) await stream.sendSnapshotChunk(chunk(id, count, id * 777));
      await stream.finish();
      same(to.sinks[0]?.taken, count, 'chunks taken when finish resolved');
      const sink = await checkSinkClosed(to, 'finished');
      sink.chunks.forEach((got, id) => {
        sameChunk(got, chunk(id, count, id * 777), `chunk ${id}`);
      });
      await streamUnequal(bench);
    },
    deadlineMs: 45_000,
    otherwise: refusesSnapshots,
  },
  {
    id: 'RPC-SNAP-2',
    title: 'chunks of the usual size are carried',
    requires: 'snapshots',
    run: async (bench) => {
      const { to, stream } = await open(bench);
      for (const id of [0, 1, 2, 3]) await stream.sendSnapshotChunk(chunk(id, 4, SNAPSHOT_CHUNK_SIZE_BYTES));
      await stream.finish();
      const sink = await checkSinkClosed(to, 'finished');
      same(sink.chunks.length, 4, 'chunks');
      sink.chunks.forEach((got, id) => {
        sameChunk(got, chunk(id, 4, SNAPSHOT_CHUNK_SIZE_BYTES), `chunk ${id}`);
      });
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-SNAP-3',
    title: 'a refused chunk ends the stream, and the sender learns of it',
    requires: 'snapshots',
    run: async (bench) => {
      const refuseThird = (): RecordingSink =>
        new RecordingSink(({ chunkID }) => Promise.resolve(chunkID < 2));
      const { to, stream } = await open(bench, { makeSink: refuseThird });
      await sendUntilRefused(stream, 2000);
      const sink = await checkSinkClosed(to, 'refused');
      sameList(
        sink.chunks.map(({ chunkID }) => chunkID),
        [0, 1, 2],
        'chunks given to the sink',
      );
      await rejects(stream.sendSnapshotChunk(chunk(9, 10)), 'a chunk after the refusal');
      await rejects(stream.finish(), 'finish after the refusal');
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-SNAP-4',
    title: 'a sink that fails ends its stream like a refusal; the host serves on',
    requires: 'snapshots',
    run: async (bench) => {
      const failing = (): RecordingSink => new RecordingSink(() => Promise.reject(new Error('disk full')));
      const { to, stream } = await open(bench, { makeSink: failing });
      await sendUntilRefused(stream, 2000);
      await checkSinkClosed(to, 'failed');
      await checkServes(bench, to, 'after a sink that failed');
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-SNAP-5',
    title: 'a stream that the sender cuts closes the sink; it does not count as finished',
    requires: 'snapshots',
    run: async (bench) => {
      const { to, stream } = await open(bench);
      await stream.sendSnapshotChunk(chunk(0, 3));
      await eventually(() => to.sinks[0]?.taken === 1, 'a chunk is taken');
      stream.close();
      stream.close();
      await atOnce(bench, to, () => to.sinks[0]?.closes === 1, 'the sink of a stream that was cut is closed');
      const sink = await checkSinkClosed(to, 'cut by the sender');
      same(sink.chunks.length, 1, 'chunks given to the sink');
      await rejects(stream.finish(), 'finish after close');
      await rejects(stream.sendSnapshotChunk(chunk(1, 3)), 'a chunk after close');
    },
  },
  {
    id: 'RPC-SNAP-6',
    title: 'a stream that the network cuts closes the sink, and the sender learns of it',
    requires: 'snapshots',
    run: async (bench) => {
      const from = await bench.start();
      const to = await bench.start();
      const link = await bench.link(to.address);
      const stream = await bench.connectSnapshot(from, link.address);
      await stream.sendSnapshotChunk(chunk(0, 3));
      await eventually(() => to.sinks[0]?.taken === 1, 'a chunk is taken');
      link.cut();
      const noticeMs = await bench.noticeMs(to);
      await checkSinkClosed(to, 'cut by the network', noticeMs);
      await within(rejects(stream.finish(), 'finish after the cut'), noticeMs, 'finish after the cut');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-SNAP-7',
    title: 'no chunk is handed over before the one before it was taken, and the sender is held back',
    requires: 'snapshots',
    run: async (bench) => {
      const gate = new Gate();
      const makeSink = (): RecordingSink => new RecordingSink(() => gate.opened.then(() => true));
      const { to, stream } = await open(bench, { makeSink });
      const count = 60;
      let sent = 0;
      const sending = new Watched(
        (async () => {
          for (let id = 0; id < count; id++) {
            await stream.sendSnapshotChunk(chunk(id, count, SNAPSHOT_CHUNK_SIZE_BYTES / 2));
            sent = id + 1;
          }
          await stream.finish();
        })(),
      );
      await eventually(() => to.sinks[0]?.chunks.length === 1, 'the first chunk is handed over');
      await sending.staysPending(700, 'sending to a sink that does not take');
      same(to.sinks[0]?.chunks.length, 1, 'chunks handed over before the first was taken');
      truth(sent < count, `all ${count} chunks were taken from the sender although the sink took none`);
      gate.open();
      await eventually(() => sending.settled, 'the stream ends when the sink takes', 20_000);
      same(sending.state, 'resolved', 'the stream');
      const sink = await checkSinkClosed(to, 'finished');
      same(sink.taken, count, 'chunks taken');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-SNAP-8',
    title: 'finish stays pending until the sink has taken the last chunk',
    requires: 'snapshots',
    run: async (bench) => {
      const gate = new Gate();
      const makeSink = (): RecordingSink =>
        new RecordingSink(({ chunkID }) =>
          chunkID < 2 ? Promise.resolve(true) : gate.opened.then(() => true),
        );
      const { to, stream } = await open(bench, { makeSink });
      for (const id of [0, 1, 2]) await stream.sendSnapshotChunk(chunk(id, 3));
      const finish = new Watched(stream.finish());
      await eventually(() => to.sinks[0]?.chunks.length === 3, 'the last chunk is handed over');
      await finish.staysPending(200, 'finish before the last chunk was taken');
      same(to.sinks[0]?.closes, 0, 'calls of close before the last chunk was taken');
      gate.open();
      await eventually(() => finish.settled, 'finish settles');
      same(finish.state, 'resolved', 'finish');
    },
  },
  {
    id: 'RPC-SNAP-9',
    title: 'streams at the same time have a sink each, are not mixed, and do not wait for each other',
    requires: 'snapshots',
    run: mixStreams,
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-SNAP-10',
    title: 'the stop of the peer ends a stream, and the sender learns of it',
    requires: 'snapshots',
    run: async (bench) => {
      const { to, stream } = await open(bench);
      await stream.sendSnapshotChunk(chunk(0, 3));
      await eventually(() => to.sinks[0]?.taken === 1, 'a chunk is taken');
      await to.rpc.stop();
      await checkSinkClosed(to, 'peer stopped');
      await rejects(stream.finish(), 'finish after the stop of the peer');
    },
  },
  ...STREAM_CASES,
];

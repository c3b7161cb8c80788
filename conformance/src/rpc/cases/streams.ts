import { MAX_MESSAGE_BYTES, type SnapshotChunk } from '@drakkar/raftio';
import { rejectsWith, same, sameBytes, sameList, truth } from '../../suite/assert.js';
import { SeededRandom } from '../../suite/random.js';
import { Watched, eventually, sleep, within } from '../../suite/wait.js';
import type { Host, RPCBench } from '../harness.js';
import { batch, chunk, chunkOfSize, numbersOf, sameChunk, upTo } from '../make.js';
import { Gate, RecordingSink } from '../recording-sink.js';
import type { RPCCase } from './rpc-case.js';

const PROMPT_MS = 10_000;
const KIB = 1024;

async function twoHosts(bench: RPCBench, makeSink?: () => RecordingSink): Promise<{ from: Host; to: Host }> {
  const from = await bench.start();
  return { from, to: await bench.start(makeSink === undefined ? {} : { makeSink }) };
}

const AT_ONCE_MS = 2500;
const ROUNDS_OF_TIME = 100;

/**
 * Fails when `check` does not hold soon. A machine that is busy is slow with everything, so that both must have passed:
 * some seconds, and the time in which many batches come and go one by one.
 */
export async function atOnce(bench: RPCBench, to: Host, check: () => boolean, what: string): Promise<void> {
  const from = await bench.start();
  const clock = await bench.connect(from, to.address);
  const end = performance.now() + AT_ONCE_MS;
  for (let rounds = 0; !check(); rounds++) {
    truth(rounds < ROUNDS_OF_TIME || performance.now() < end, `${what}: not within ${AT_ONCE_MS} ms`);
    const before = numbersOf(to.batches, 77).length;
    await clock.sendMessageBatch(batch(rounds + 1, { sender: 77 }));
    await eventually(
      () => numbersOf(to.batches, 77).length > before,
      'a batch of another connection arrives',
    );
  }
  clock.close();
}

/** RPC-SNAP-9: all of them are open before the first chunk, and one has a sink that does not take for now. */
export async function mixStreams(bench: RPCBench): Promise<void> {
  const random = new SeededRandom(bench.seed);
  const gate = new Gate();
  const makeSink = (): RecordingSink =>
    new RecordingSink(async ({ from: mark }) => {
      if (mark === 1) await gate.opened;
      return true;
    });
  const { from, to } = await twoHosts(bench, makeSink);
  const marks = upTo(random.between(3, 8));
  const opening = Promise.all(marks.map(() => bench.connectSnapshot(from, to.address)));
  const streams = await within(
    opening,
    PROMPT_MS,
    `${marks.length} streams to one host are open at the same time`,
  );
  const count = 12;
  const make = (mark: number, id: number): SnapshotChunk => ({ ...chunk(id, count), from: mark });
  const finished = marks.map((mark) => {
    const stream = streams[mark - 1];
    const send = async (): Promise<void> => {
      for (let id = 0; id < count; id++) await stream?.sendSnapshotChunk(make(mark, id));
      await stream?.finish();
    };
    return new Watched(send());
  });
  const others = finished.slice(1);
  const what = 'streams finish while the sink of another one does not take';
  await eventually(() => others.every(({ settled }) => settled), what, PROMPT_MS);
  same(finished[0]?.state, 'pending', 'the stream whose sink does not take');
  gate.open();
  await eventually(() => finished.every(({ settled }) => settled), 'every stream ends', PROMPT_MS);
  sameList(
    finished.map(({ state }) => state),
    marks.map(() => 'resolved'),
    'streams',
  );
  await eventually(() => to.sinks.every(({ closes }) => closes === 1), 'every sink is closed');
  same(to.sinks.length, marks.length, 'number of sinks');
  for (const { chunks } of to.sinks) {
    const mark = chunks[0]?.from ?? 0;
    const got = chunks.map((each) => `${each.from}:${each.chunkID}`);
    sameList(
      got,
      upTo(count).map((id) => `${mark}:${id - 1}`),
      `chunks of stream ${mark}`,
    );
  }
}

/** RPC-SNAP-11 */
async function sendBesideSlowSink(bench: RPCBench): Promise<void> {
  const gate = new Gate();
  const { from, to } = await twoHosts(bench, () => new RecordingSink(() => gate.opened.then(() => true)));
  const before = await bench.connect(from, to.address);
  const back = await bench.connect(to, from.address);
  const stream = await bench.connectSnapshot(from, to.address);
  const count = 30;
  const sending = new Watched(
    (async () => {
      for (let id = 0; id < count; id++) await stream.sendSnapshotChunk(chunk(id, count, 512 * KIB));
      await stream.finish();
    })(),
  );
  await eventually(() => to.sinks[0]?.chunks.length === 1, 'the first chunk is handed over', PROMPT_MS);
  await sending.staysPending(200, 'sending to a sink that does not take');
  const after = await bench.connect(from, to.address);
  for (const number of upTo(50)) {
    const sends = [before, after, back].map((each, i) =>
      each.sendMessageBatch(batch(number, { sender: i + 1, sizeBytes: 2000 })),
    );
    await within(Promise.all(sends), PROMPT_MS, 'batches are taken while a sink is slow');
  }
  const arrived = (): boolean =>
    [1, 2].every((sender) => numbersOf(to.batches, sender).length === 50) &&
    numbersOf(from.batches, 3).length === 50;
  await eventually(arrived, 'batches are delivered while a sink of the host does not take', PROMPT_MS);
  same(sending.state, 'pending', 'the stream whose sink does not take');
  gate.open();
  await eventually(() => sending.settled, 'the stream ends when its sink takes', 20_000);
  same(sending.state, 'resolved', 'the stream');
}

/** RPC-SNAP-12 */
async function endWithoutChunks(bench: RPCBench): Promise<void> {
  const { from, to } = await twoHosts(bench);
  const cut = await bench.connectSnapshot(from, to.address);
  cut.close();
  const empty = await bench.connectSnapshot(from, to.address);
  await within(empty.finish(), PROMPT_MS, 'finish of a stream without chunks');
  const full = await bench.connectSnapshot(from, to.address);
  await full.sendSnapshotChunk(chunk(0, 1));
  await within(full.finish(), PROMPT_MS, 'finish of a stream of one chunk');
  const what = 'sinks of streams without chunks, if there are any, are closed';
  await eventually(() => to.sinks.every(({ closes }) => closes > 0), what, PROMPT_MS);
  await sleep(20);
  // That of the stream that was cut may come, and be closed, later than all the others.
  for (const { closes } of to.sinks) truth(closes <= 1, `a sink was closed ${closes} times`);
  same(
    to.sinks.reduce((sum, { chunks }) => sum + chunks.length, 0),
    1,
    'chunks given to sinks',
  );
}

/** RPC-SNAP-13 */
async function sendLargest(bench: RPCBench): Promise<void> {
  const { from, to } = await twoHosts(bench);
  const stream = await bench.connectSnapshot(from, to.address);
  const tooLarge = chunkOfSize(0, 2, MAX_MESSAGE_BYTES + 1);
  await rejectsWith(
    stream.sendSnapshotChunk(tooLarge),
    'ERR_MESSAGE_TOO_LARGE',
    `a chunk of ${MAX_MESSAGE_BYTES + 1} bytes, where ${MAX_MESSAGE_BYTES} are allowed`,
  );
  const next = await bench.connectSnapshot(from, to.address);
  const largest = chunkOfSize(0, 2, MAX_MESSAGE_BYTES);
  await next.sendSnapshotChunk(largest);
  await next.sendSnapshotChunk(chunk(1, 2));
  await within(next.finish(), 40_000, 'finish of a stream whose first chunk has exactly the most bytes');
  const sink = to.sinks.find(({ taken }) => taken === 2);
  truth(sink !== undefined, 'the largest chunk and the next one are taken by a sink');
  if (sink?.chunks[0] !== undefined) sameChunk(sink.chunks[0], largest, 'the largest chunk');
}

/** RPC-SNAP-14 */
async function changeChunks(bench: RPCBench): Promise<void> {
  const { from, to } = await twoHosts(bench);
  const stream = await bench.connectSnapshot(from, to.address);
  const random = new SeededRandom(bench.seed);
  const sizes = upTo(30).map(() => random.between(0, 200 * KIB));
  for (const [id, sizeBytes] of sizes.entries()) {
    const given = chunk(id, sizes.length, sizeBytes);
    await stream.sendSnapshotChunk(given);
    sameChunk(given, chunk(id, sizes.length, sizeBytes), 'a chunk that was sent');
    given.data.fill(0xee);
    given.chunkID = 999;
  }
  await within(stream.finish(), PROMPT_MS, 'finish');
  const got = to.sinks[0]?.chunks ?? [];
  same(got.length, sizes.length, 'chunks');
  for (const [id, each] of got.entries()) {
    same(each.chunkID, id, 'chunkID');
    sameBytes(
      each.data,
      chunk(id, sizes.length, sizes[id]).data,
      `data of chunk ${id}, changed by its sender later`,
    );
  }
}

export const STREAM_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-SNAP-11',
    title: 'a sink that does not take holds up neither messages nor new connections',
    requires: 'snapshots',
    run: sendBesideSlowSink,
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-SNAP-12',
    title: 'a stream without chunks can be finished, and cut',
    requires: 'snapshots',
    run: endWithoutChunks,
    deadlineMs: 40_000,
  },
  {
    id: 'RPC-SNAP-13',
    title:
      'a chunk of exactly MAX_MESSAGE_BYTES is carried, and one above it refused with ERR_MESSAGE_TOO_LARGE',
    requires: 'snapshots',
    run: sendLargest,
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-SNAP-14',
    title: 'a chunk is not modified, and not read any more once its promise has settled',
    requires: 'snapshots',
    run: changeChunks,
    deadlineMs: 30_000,
  },
];

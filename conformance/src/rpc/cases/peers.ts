import { fail, notApplicable, same, truth } from '../../suite/assert.js';
import { eventually, patient, sleep, within } from '../../suite/wait.js';
import type { RPCBench } from '../harness.js';
import { batch, numbersOf } from '../make.js';
import type { Peer, PeerReport } from '../peer.js';

const MIB = 1024 * 1024;
/** What the processes at both ends of a connection may come to hold for it. */
const MOST_GROWN_BYTES = 64 * MIB;
const PATIENCE_MS = 30_000;
const SLOW_MS = 3000;
/** More batches than anybody may hold: 512 MiB. */
const MANY = 4096;
const WARM_UP = 200;
const HANDLER_MS = 10;

async function until(
  peer: Peer,
  isEnough: (report: PeerReport) => boolean,
  what: string,
): Promise<PeerReport> {
  const patienceMs = patient(PATIENCE_MS);
  let end = performance.now() + patienceMs;
  let count = 0;
  for (;;) {
    const report = await within(peer.report(), PATIENCE_MS, `a report, waiting for: ${what}`);
    if (isEnough(report)) return report;
    // On a machine that is busy it may take long, but it goes on.
    if (report.taken + report.delivered > count) end = performance.now() + patienceMs;
    count = report.taken + report.delivered;
    if (performance.now() > end) fail(`${what}: not within ${patienceMs} ms, but ${JSON.stringify(report)}`);
    await sleep(50);
  }
}

/** Resolves when nothing has been taken any more for a second. */
async function untilStalled(peer: Peer): Promise<PeerReport> {
  let last = -1;
  let since = performance.now();
  return until(
    peer,
    ({ taken }) => {
      if (taken !== last) since = performance.now();
      last = taken;
      return performance.now() - since > 1000;
    },
    'the sender to a stopped peer is held back',
  );
}

function checkGrowth(bench: RPCBench, { grownBytes }: PeerReport, what: string): void {
  bench.notes.push(`${what} grew by ${Math.round(grownBytes / MIB)} MiB`);
  truth(
    grownBytes <= MOST_GROWN_BYTES,
    `${what} grew by ${Math.round(grownBytes / MIB)} MiB; at most ${MOST_GROWN_BYTES / MIB} MiB are allowed`,
  );
}

/** RPC-BOUND-6: a reader that is stopped, and one that is slow. */
export async function checkMemory(bench: RPCBench): Promise<void> {
  if (process.platform === 'win32') notApplicable('processes can not be stopped on Windows');
  const reader = await bench.spawn();
  const sender = await bench.spawn();
  sender.send(reader.address, WARM_UP);
  await until(reader, ({ delivered }) => delivered === WARM_UP, 'the first batches arrive');
  await Promise.all([sender.mark(), reader.mark()]);
  reader.freeze();
  sender.send(reader.address, MANY);
  const stalled = await untilStalled(sender);
  reader.thaw();
  checkGrowth(bench, stalled, 'the process that sends to a stopped peer');
  truth(stalled.taken < MANY, `all ${MANY} batches were taken for a peer that reads nothing`);
  reader.slowDown(HANDLER_MS);
  await until(
    reader,
    ({ delivered }) => delivered > stalled.taken,
    'batches arrive at the peer that is back',
  );
  await sleep(SLOW_MS);
  sender.rest();
  const [sent, received] = await Promise.all([sender.report(), reader.report()]);
  checkGrowth(bench, sent, 'the process that sends to a slow peer');
  checkGrowth(bench, received, 'the process that is slow to take batches');
  same(received.isWhole, true, 'batches arrive in order, once and unaltered');
}

/** RPC-CONN-10: a process that is killed says nothing to anybody. */
export async function checkKilledPeer(
  bench: RPCBench,
  noticeMs: (peer: Peer) => Promise<number>,
): Promise<void> {
  const peer = await bench.spawn();
  const from = await bench.start();
  const connection = await bench.connect(from, peer.address);
  await connection.sendMessageBatch(batch(1));
  await until(peer, ({ delivered }) => delivered === 1, 'a batch arrives');
  const patienceMs = await noticeMs(peer);
  await peer.kill();
  await within(connection.closed, patienceMs, 'closed settles when the process of the peer was killed');
  const again = await bench.start({ address: peer.address });
  const next = await bench.connect(from, again.address);
  await next.sendMessageBatch(batch(2));
  await eventually(() => numbersOf(again.batches).length === 1, 'a batch arrives at the peer that is back');
}

import type { IConnection } from '@drakkar/raftio';
import { truth } from '../../suite/assert.js';
import { SeededRandom } from '../../suite/random.js';
import { Watched, eventually, sleep } from '../../suite/wait.js';
import type { Host, RPCBench } from '../harness.js';
import { batch, patterned, upTo } from '../make.js';

const KIB = 1024;
const MIB = KIB * KIB;
const CONNECTIONS = 4;
const ANNOUNCED_BYTES = 40 * MIB;
/** What may be held for the pieces that came, and for whatever else a process does meanwhile. */
const MOST_GROWN_BYTES = 64 * MIB;
const PATIENCE_MS = 20_000;
const SETTLED_MS = 1000;

interface Opening {
  connection: IConnection;
  /** From here on so many bytes pass, and nothing after them. */
  hold: () => void;
  isHeld: () => boolean;
  passedBytes: () => number;
}

async function openTo(bench: RPCBench, from: Host, target: string, random: SeededRandom): Promise<Opening> {
  const link = await bench.networkLink(target);
  const connection = await bench.connect(from, link.address);
  const most = random.between(16, 256) * KIB;
  let passedBytes = 0;
  const pass = (bytes: Buffer): Buffer[] => {
    const part = bytes.subarray(0, Math.max(0, most - passedBytes));
    passedBytes += part.length;
    if (passedBytes >= most) link.pause();
    return part.length === 0 ? [] : [part];
  };
  const hold = (): void => {
    link.tcp.chop = pass;
    // A datagram comes whole or not at all.
    link.udp.tamper = (datagram) => (pass(datagram).length === 0 ? [] : [datagram]);
  };
  return { connection, hold, isHeld: () => passedBytes >= most, passedBytes: () => passedBytes };
}

/** RPC-HOSTILE-6: of large batches only the beginning comes. */
export async function checkAnnounced(bench: RPCBench): Promise<void> {
  const peer = await bench.spawn();
  const from = await bench.start();
  const warm = await bench.connect(from, peer.address);
  await warm.sendMessageBatch(batch(1));
  const random = new SeededRandom(bench.seed);
  const openings = await Promise.all(upTo(CONNECTIONS).map(() => openTo(bench, from, peer.address, random)));
  await peer.mark();
  const cmd = patterned(1, ANNOUNCED_BYTES);
  for (const [i, { connection, hold }] of openings.entries()) {
    hold();
    void new Watched(connection.sendMessageBatch(batch(i + 1, { cmd })));
  }
  const what = 'the beginning of each large batch passes';
  await eventually(() => openings.every(({ isHeld }) => isHeld()), what, PATIENCE_MS);
  const passedBytes = openings.reduce((sum, { passedBytes: bytes }) => sum + bytes(), 0);
  await sleep(SETTLED_MS);
  const { grownBytes, reservedBytes } = await peer.report();
  const most = Math.max(grownBytes, reservedBytes);
  const inMiB = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
  bench.notes.push(`a process that was sent the beginning of large batches took ${inMiB(most)}`);
  truth(
    most <= MOST_GROWN_BYTES,
    `for ${CONNECTIONS} batches of ${inMiB(ANNOUNCED_BYTES)} each, of which ${Math.round(passedBytes / KIB)} KiB ` +
      `came in all, the process took ${inMiB(most)}; at most ${inMiB(MOST_GROWN_BYTES)} are allowed: ` +
      'memory for what is announced must not be taken before it comes',
  );
}

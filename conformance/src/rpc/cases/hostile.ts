import type { MessageBatch } from '@drakkar/raftio';
import { fail, notApplicable, same } from '../../suite/assert.js';
import { SeededRandom } from '../../suite/random.js';
import { eventually, patient, sleep } from '../../suite/wait.js';
import type { Host, RPCBench } from '../harness.js';
import { batch, numbersOf, sameBatch, upTo } from '../make.js';
import { RawClient } from '../raw-client.js';
import { cutOverUDP, flipsOverUDP, rubbishOverUDP, silentOverUDP } from './hostile-udp.js';
import { checkAnnounced } from './announced.js';
import { checkServes } from './life.js';
import type { RPCCase } from './rpc-case.js';

const ENDS_MS = 5000;

/** Writes until the host ends the connection; a host that goes on reading rubbish indefinitely fails. */
async function writeUntilEnded(client: RawClient, makeBytes: () => Uint8Array, what: string): Promise<void> {
  const timeoutMs = patient(ENDS_MS);
  const end = performance.now() + timeoutMs;
  while (!client.ended) {
    if (performance.now() > end) fail(`${what}: the host did not end the connection within ${timeoutMs} ms`);
    client.write(makeBytes());
    await sleep(2);
  }
}

/** What a host sent to another in one connection with two batches, as bytes on the wire. */
async function recordStream(bench: RPCBench, to: Host): Promise<Buffer> {
  const from = await bench.start();
  const { tcp: link } = await bench.networkLink(to.address);
  try {
    const connection = await bench.connect(from, link.address, undefined, to.address);
    for (const number of [1, 2]) await connection.sendMessageBatch(batch(number, { sizeBytes: 300 }));
    await eventually(() => numbersOf(to.batches).length === 2, 'the recorded batches arrive');
    return Buffer.concat(link.recorded[0] ?? []);
  } finally {
    await link.close();
    await from.rpc.stop();
  }
}

/** Sends bytes as a client would, the last of them followed by the end of the stream. */
async function replay(host: Host, bytes: Uint8Array, handshakeBytes: number): Promise<void> {
  const client = await RawClient.connect(host.address);
  try {
    client.write(bytes.subarray(0, handshakeBytes));
    await sleep(2);
    client.write(bytes.subarray(handshakeBytes));
    client.end();
    await eventually(() => client.ended, 'the host ends a connection whose client has ended', ENDS_MS);
  } finally {
    client.destroy();
  }
}

/** Whether a delivered batch is one of the two that were recorded, whole. */
function checkWhole(got: MessageBatch, what: string): void {
  const number = got.requests[0]?.logIndex ?? 0;
  if (number !== 1 && number !== 2) fail(`${what}: a batch numbered ${number} was delivered`);
  sameBatch(got, batch(number, { sizeBytes: 300 }), what);
}

const TRUNCATIONS = 40;
const FLIPS = 150;
/** Some hosts take a second or more until they give up on what is still to come. */
const AT_A_TIME = 10;

/** Length of the opening request, for transports that start with an HTTP/1.1 handshake; else 0. */
function handshakeLength(stream: Buffer): number {
  const end = stream.indexOf('\r\n\r\n');
  return end === -1 ? 0 : end + 4;
}

/** Replays a recorded stream many times, each time with some bits flipped behind the handshake. */
async function replaySpoilt(bench: RPCBench, host: Host): Promise<void> {
  const stream = await recordStream(bench, host);
  const handshake = handshakeLength(stream);
  const random = new SeededRandom(bench.seed);
  const spoil = (): Buffer => {
    const spoilt = Buffer.from(stream);
    for (let flips = random.between(1, 4); flips > 0; flips--) {
      const at = random.between(handshake, spoilt.length - 1);
      spoilt[at] = (spoilt[at] ?? 0) ^ (1 << random.between(0, 7));
    }
    return spoilt;
  };
  for (let done = 0; done < FLIPS; done += AT_A_TIME) {
    await Promise.all(upTo(AT_A_TIME).map(() => replay(host, spoil(), handshake)));
  }
}

export const HOSTILE_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-HOSTILE-1',
    title: 'a client that sends rubbish loses its connection; the host serves on',
    requires: 'network',
    run: async (bench) => {
      const host = await bench.start();
      if ((await bench.carrierOf(host)) === 'udp') return rubbishOverUDP(bench, host);
      const random = new SeededRandom(bench.seed);
      for (const round of upTo(8)) {
        const client = await RawClient.connect(host.address);
        try {
          await writeUntilEnded(client, () => random.bytes(2048), `rubbish, round ${round}`);
        } finally {
          client.destroy();
        }
      }
      same(host.batches.length, 0, 'batches delivered out of rubbish');
      await checkServes(bench, host, 'after rubbish');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-HOSTILE-2',
    title: 'clients that connect and go, or say nothing, do not disturb',
    requires: 'network',
    run: async (bench) => {
      const host = await bench.start();
      if ((await bench.carrierOf(host)) === 'udp') {
        await silentOverUDP(bench, host);
        await checkServes(bench, host, 'after clients that said next to nothing');
        return same(numbersOf(host.batches, 0).length, 0, 'batches delivered out of nothing');
      }
      const clients = await Promise.all(upTo(50).map(() => RawClient.connect(host.address)));
      try {
        for (const client of clients.slice(0, 25)) client.destroy();
        await checkServes(bench, host, 'with 25 silent clients');
      } finally {
        for (const client of clients) client.destroy();
      }
      await checkServes(bench, host, 'when they are gone');
      same(numbersOf(host.batches, 0).length, 0, 'batches delivered out of nothing');
    },
  },
  {
    id: 'RPC-HOSTILE-3',
    title: 'a stream that ends in the middle of a batch delivers nothing of that batch',
    requires: 'network',
    run: async (bench) => {
      const host = await bench.start();
      if ((await bench.carrierOf(host)) === 'udp') {
        await cutOverUDP(bench, host);
        return checkServes(bench, host, 'after streams that were cut');
      }
      const stream = await recordStream(bench, host);
      const handshake = handshakeLength(stream);
      host.batches.length = 0;
      await replay(host, stream, handshake);
      if (numbersOf(host.batches).length !== 2) notApplicable('a recorded stream is not accepted again');
      for (const i of upTo(TRUNCATIONS)) {
        host.batches.length = 0;
        const length = handshake + Math.floor(((stream.length - handshake) * i) / (TRUNCATIONS + 1));
        await replay(host, stream.subarray(0, length), handshake);
        for (const got of host.batches)
          checkWhole(got, `a stream cut after ${length} of ${stream.length} bytes`);
      }
      host.batches.length = 0;
      await checkServes(bench, host, 'after streams that were cut');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-HOSTILE-4',
    title:
      'malformed content in well-formed frames costs the client its connection, never the host its process',
    requires: 'network',
    run: async (bench) => {
      const host = await bench.start();
      const uncaught: unknown[] = [];
      const note = (error: unknown): number => uncaught.push(error);
      process.on('uncaughtException', note);
      try {
        if ((await bench.carrierOf(host)) === 'udp') await flipsOverUDP(bench, host);
        else await replaySpoilt(bench, host);
      } finally {
        process.off('uncaughtException', note);
      }
      same(uncaught.length, 0, 'uncaught exceptions');
      host.batches.length = 0;
      await checkServes(bench, host, 'after malformed content');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-HOSTILE-5',
    title: 'nothing is delivered of what was changed on the way',
    requires: 'network',
    run: async (bench) => {
      const host = await bench.start();
      if ((await bench.carrierOf(host)) === 'udp') return flipsOverUDP(bench, host);
      await replaySpoilt(bench, host);
      for (const got of host.batches) checkWhole(got, 'a stream in which bits were flipped');
    },
    deadlineMs: 60_000,
  },
  {
    id: 'RPC-HOSTILE-6',
    title: 'no memory is taken for what is announced before it comes',
    requires: 'network',
    run: checkAnnounced,
    deadlineMs: 90_000,
  },
];

import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { rejectsWith, same, sameList } from '../../suite/assert.js';
import { Watched, eventually, within } from '../../suite/wait.js';
import { joinAddress, splitAddress } from '../address.js';
import type { Host, RPCBench } from '../harness.js';
import { batch, chunk, numbersOf, upTo } from '../make.js';
import type { RPCCase } from './rpc-case.js';

const PROMPT_MS = 10_000;
const UNTOUCHED_MS = 500;

/** Somebody who accepts every connection of TCP and says nothing. */
export class SilentServer {
  readonly address: string;
  /** Connections that nobody has ended. */
  readonly open = new Set<Socket>();
  accepted = 0;
  readonly #close: () => void;

  private constructor(host: string, server: ReturnType<typeof createServer>) {
    this.address = joinAddress(host, (server.address() as AddressInfo).port);
    this.#close = () => server.close();
    server.on('connection', (socket) => {
      this.accepted += 1;
      this.open.add(socket);
      socket.on('error', () => undefined).on('close', () => this.open.delete(socket));
      socket.resume();
    });
  }

  static async listen(near: string): Promise<SilentServer> {
    const server = createServer();
    const { host } = splitAddress(near);
    server.listen(0, host);
    await once(server, 'listening');
    return new SilentServer(host, server);
  }

  close(): void {
    for (const socket of this.open) socket.destroy();
    this.#close();
  }
}

async function abortLater(bench: RPCBench): Promise<void> {
  const { from, to } = await bench.pair();
  const abort = new AbortController();
  const connection = await bench.connect(from, to.address, abort.signal);
  const { snapshots } = bench.harness.capabilities;
  const stream = snapshots ? await bench.connectSnapshot(from, to.address, abort.signal) : undefined;
  await connection.sendMessageBatch(batch(1));
  await stream?.sendSnapshotChunk(chunk(0, 2));
  abort.abort();
  const closed = new Watched(connection.closed);
  await closed.staysPending(
    UNTOUCHED_MS,
    'closed of a connection, when the signal of its attempt aborts later',
  );
  await connection.sendMessageBatch(batch(2));
  await eventually(() => to.batches.length >= 2, 'a batch arrives that was sent after the abort');
  sameList(numbersOf(to.batches), [1, 2], 'numbers of the batches');
  await stream?.sendSnapshotChunk(chunk(1, 2));
  await stream?.finish();
  if (snapshots) same(to.sinks[0]?.taken, 2, 'chunks taken, one of them sent after the abort');
}

async function connectToItself(bench: RPCBench): Promise<void> {
  const host = await bench.start();
  const plain = await bench.connect(host, host.address);
  const directed = await bench.connect(host, host.address, undefined, host.address);
  for (const number of upTo(20)) {
    await plain.sendMessageBatch(batch(number, { sender: 1 }));
    await directed.sendMessageBatch(batch(number, { sender: 2 }));
  }
  await eventually(() => host.batches.length >= 40, 'batches of a host to its own address arrive');
  for (const sender of [1, 2]) sameList(numbersOf(host.batches, sender), upTo(20), 'batches to itself');
  if (!bench.harness.capabilities.snapshots) return;
  const stream = await bench.connectSnapshot(host, host.address);
  await stream.sendSnapshotChunk(chunk(0, 1));
  await stream.finish();
  same(host.sinks[0]?.taken, 1, 'chunks of a host to itself');
}

const ATTEMPTS = 60;

/** Attempts at somebody who is silent, which are aborted, leave no connection there. */
async function abortAtSilent(from: Host, bench: RPCBench): Promise<void> {
  const silent = await SilentServer.listen(from.address);
  try {
    const abort = new AbortController();
    const attempts = upTo(10).map(() => new Watched(bench.connect(from, silent.address, abort.signal)));
    await eventually(
      () => silent.accepted > 0,
      'the first attempt comes to a peer that says nothing',
      PROMPT_MS,
    );
    abort.abort();
    await eventually(
      () => attempts.every(({ settled }) => settled),
      'attempts settle after their abort',
      PROMPT_MS,
    );
    // One that needs no word from the other side may have been made before.
    for (const { value } of attempts) value?.close();
    const what = 'connections of attempts that were aborted are closed at the other end';
    await eventually(() => silent.open.size === 0, what, PROMPT_MS);
  } finally {
    silent.close();
  }
}

async function failOften(bench: RPCBench): Promise<void> {
  const from = await bench.start();
  const nobody = await bench.site.newAddress();
  const { network, snapshots } = bench.harness.capabilities;
  const isTCP = network && (await bench.carrierOf(from)) === 'tcp';
  // Over UDP nobody says that there is nobody: each attempt takes seconds.
  const atATime = network && !isTCP ? ATTEMPTS : 10;
  for (let done = 0; done < ATTEMPTS; done += atATime) {
    const attempts = upTo(atATime).map((number): Promise<unknown> =>
      number % 2 === 0 || !snapshots ? bench.connect(from, nobody) : bench.connectSnapshot(from, nobody),
    );
    const what = 'an attempt at an address where nobody listens';
    await Promise.all(
      attempts.map((attempt) => rejectsWith(within(attempt, PROMPT_MS, what), 'ERR_CONNECT_FAILED', what)),
    );
  }
  if (isTCP) await abortAtSilent(from, bench);
  const to = await bench.start({ address: nobody });
  const connection = await bench.connect(from, to.address);
  await connection.sendMessageBatch(batch(1));
  await eventually(() => to.batches.length === 1, `a batch arrives after ${ATTEMPTS} attempts that failed`);
}

export const ATTEMPT_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-CONN-12',
    title: 'the signal of an attempt has no effect once the connection is made',
    run: abortLater,
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-CONN-13',
    title: 'a host can connect to its own address',
    run: connectToItself,
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-CONN-14',
    title: 'attempts that fail leave nothing behind, and none of those that follow is the worse for it',
    run: failOften,
    deadlineMs: 60_000,
  },
];

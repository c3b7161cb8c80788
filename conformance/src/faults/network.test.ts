import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { IConnection, IRaftRPC, RaftRPCCounters } from '@drakkar/raftio';
import { runAssembly } from '../assembly/suite.js';
import { memoryAssemblyHarness } from '../reference/memory-assembly.js';
import { MemoryHub } from '../reference/memory-hub.js';
import { memoryRPCHarness } from '../reference/memory-rpc-harness.js';
import { MemoryRPC } from '../reference/memory-rpc.js';
import { RecordingSink } from '../rpc/recording-sink.js';
import { batch, chunk, upTo } from '../rpc/make.js';
import { rpcSuite } from '../rpc/suite.js';
import { eventually } from '../suite/wait.js';
import { NetworkFaults, faultyRPC } from './network.js';

rpcSuite(
  { describe, it },
  memoryRPCHarness(
    (hub, config, handler, sinks) =>
      faultyRPC(new MemoryRPC(hub, config, handler, sinks), new NetworkFaults()),
    'decorated',
  ),
);

describe('a transport on a network with faults', () => {
  const HOSTS = ['127.0.0.1:1', '127.0.0.1:2', '127.0.0.1:3'];
  let faults: NetworkFaults;
  let rpcs: IRaftRPC[];
  let arrived: Record<string, number[]>;
  let sink: RecordingSink;

  beforeEach(async () => {
    const hub = new MemoryHub();
    faults = new NetworkFaults(5);
    arrived = {};
    sink = new RecordingSink();
    rpcs = HOSTS.map((address) => {
      const numbers: number[] = [];
      arrived[address] = numbers;
      const config = {
        raftAddress: address,
        listenAddress: address,
        mutualTLS: undefined,
        sendBufferBytes: 65_536,
        onWarning: () => undefined,
      };
      const inner = new MemoryRPC(
        hub,
        config,
        ({ requests }) => numbers.push(requests[0]?.logIndex ?? 0),
        () => sink,
      );
      return faultyRPC(inner, faults);
    });
    for (const rpc of rpcs) await rpc.start();
  });

  afterEach(async () => {
    for (const rpc of rpcs) await rpc.stop();
  });

  const connect = async (to: number): Promise<IConnection> => {
    const connection = await rpcs[0]?.getConnection(HOSTS[to] ?? '', new AbortController().signal);
    if (connection === undefined) throw new Error('no connection');
    return connection;
  };

  it('hands on which host is expected', async () => {
    const asked: unknown[] = [];
    const unused = (...args: unknown[]): Promise<never> => {
      asked.push(args);
      return Promise.reject(new Error('not reached'));
    };
    const inner = { ...(rpcs[0] as IRaftRPC), getConnection: unused, getSnapshotConnection: unused };
    const counters = { dials: 1 } as unknown as RaftRPCCounters;
    const rpc = faultyRPC({ ...inner, counters: () => counters }, faults);
    const { signal } = new AbortController();
    await rpc.getConnection('a:1', signal, 'b:1').catch(() => undefined);
    await rpc.getSnapshotConnection('a:1', signal, 'b:1').catch(() => undefined);
    expect(asked).toEqual([
      ['a:1', signal, 'b:1'],
      ['a:1', signal, 'b:1'],
    ]);
    expect(rpc.counters?.()).toBe(counters);
  });

  it('loses batches, next ones or a share, and the rest arrives in order', async () => {
    const connection = await connect(1);
    faults.loseNext(2);
    for (const number of [1, 2, 3]) await connection.sendMessageBatch(batch(number));
    await eventually(() => arrived[HOSTS[1] ?? '']?.length === 1, 'the third');
    expect(faults.lost).toBe(2);
    faults.lose(50);
    for (const number of upTo(200)) await connection.sendMessageBatch(batch(number + 3));
    const lost = faults.lost - 2;
    expect(lost).toBeGreaterThan(50);
    expect(lost).toBeLessThan(150);
    const numbers = arrived[HOSTS[1] ?? ''] ?? [];
    await eventually(() => numbers.length === 201 - lost, 'the rest');
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  it('loses what is for one host only', async () => {
    const [one, two] = [await connect(1), await connect(2)];
    faults.lose(100, HOSTS[1]);
    await one.sendMessageBatch(batch(1));
    await two.sendMessageBatch(batch(2));
    await eventually(() => arrived[HOSTS[2] ?? '']?.length === 1, 'what is for the other');
    expect(arrived[HOSTS[1] ?? '']).toEqual([]);
  });

  it('holds batches back, and keeps their order', async () => {
    const connection = await connect(1);
    faults.delay(30);
    const from = performance.now();
    const first = connection.sendMessageBatch(batch(1));
    faults.delay(0);
    await Promise.all([first, connection.sendMessageBatch(batch(2))]);
    faults.delay(30);
    await connection.sendMessageBatch(batch(3));
    expect(performance.now() - from).toBeGreaterThan(25);
    await eventually(() => arrived[HOSTS[1] ?? '']?.length === 3, 'all');
    expect(arrived[HOSTS[1] ?? '']).toEqual([1, 2, 3]);
  });

  it('cuts connections, and refuses new ones until it is mended', async () => {
    const [one, two] = [await connect(1), await connect(2)];
    faults.cut(HOSTS[1]);
    await one.closed;
    await expect(one.sendMessageBatch(batch(1))).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await expect(connect(1)).rejects.toMatchObject({ code: 'ERR_CONNECT_FAILED' });
    await two.sendMessageBatch(batch(2));
    faults.mend(HOSTS[1]);
    await (await connect(1)).sendMessageBatch(batch(3));
    await eventually(() => arrived[HOSTS[1] ?? '']?.length === 1, 'what came later');
    faults.cut();
    await two.closed;
    await expect(connect(2)).rejects.toMatchObject({ code: 'ERR_CONNECT_FAILED' });
  });

  it('cuts a snapshot stream in the middle', async () => {
    faults.cutSnapshotAfter(2);
    const stream = await rpcs[0]?.getSnapshotConnection(HOSTS[1] ?? '', new AbortController().signal);
    await stream?.sendSnapshotChunk(chunk(0, 3));
    await stream?.sendSnapshotChunk(chunk(1, 3));
    await eventually(() => sink.chunks.length === 2, 'two chunks arrive');
    await expect(stream?.sendSnapshotChunk(chunk(2, 3))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
    });
    await eventually(() => sink.closes === 1, 'the sink is closed');
    expect(sink.chunks.length).toBe(2);
  });
});

describe('a cluster on a network that loses and delays', () => {
  it('applies every command', async () => {
    const faults = new NetworkFaults(9);
    faults.lose(5);
    faults.delay(1);
    const harness = memoryAssemblyHarness(undefined, (hub, config, handler, sinks) =>
      faultyRPC(new MemoryRPC(hub, config, handler, sinks), faults),
    );
    // One that writes through the leader alone: what is lost on its way to the leader is not known to have had no
    // effect, so that nobody can repeat it.
    const only = ['ASM-SERVE-3'];
    const { cases } = await runAssembly(harness, { only });
    expect(cases.map(({ id, status, error }) => [id, status, error])).toEqual(
      only.map((id) => [id, 'passed', undefined]),
    );
    expect(faults.lost).toBeGreaterThan(0);
  }, 180_000);
});

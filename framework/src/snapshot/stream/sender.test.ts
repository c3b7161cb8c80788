import { describe, expect, it } from '@jest/globals';
import { type ISnapshotConnection, type SnapshotChunk, ErrConnectFailed } from '@drakkar/raftio';
import { silentLogger } from '../../logging/logger.js';
import { ManualClock } from '../../runtime/testing/manual-clock.js';
import { collect, never } from '../testing/fixture.js';
import { LoopbackConnection, type LoopbackOptions } from '../testing/loopback.js';
import { MemoryDisk } from '../testing/memory-disk.js';
import {
  DEPLOYMENT_ID,
  MIB,
  type Source,
  type Target,
  chunksFor,
  makeSource,
  makeTarget,
  traces,
} from '../testing/stream-fixture.js';
import { type SendSnapshot, SnapshotSender, type SnapshotSenderOptions } from './sender.js';
import { BandwidthLimiter } from './bandwidth.js';

interface Setup {
  disk: MemoryDisk;
  source: Source;
  target: Target;
  clock: ManualClock;
  sender: SnapshotSender;
  connections: LoopbackConnection[];
  request: (fields?: Partial<SendSnapshot>) => SendSnapshot;
}

async function setUp(
  options: Partial<SnapshotSenderOptions> & { dataBytes?: number; fileSizes?: number[] } = {},
  loopback: LoopbackOptions = {},
  connect?: (target: string, signal: AbortSignal) => Promise<ISnapshotConnection>,
): Promise<Setup> {
  const { dataBytes, fileSizes, ...senderOptions } = options;
  const disk = new MemoryDisk();
  const source = await makeSource(disk, {
    ...(dataBytes === undefined ? {} : { dataBytes }),
    ...(fileSizes === undefined ? {} : { fileSizes }),
  });
  const target = makeTarget(disk);
  const clock = new ManualClock();
  const connections: LoopbackConnection[] = [];
  const sender = new SnapshotSender(
    {
      deploymentID: DEPLOYMENT_ID,
      maxStreams: 2,
      bytesPerSecond: 0,
      connectTimeoutMs: 500,
      stallTimeoutMs: 1000,
      ...senderOptions,
    },
    {
      connect:
        connect ??
        (async () => {
          const connection = new LoopbackConnection(target.receiver.createSink, loopback);
          connections.push(connection);
          return connection;
        }),
      fileSystem: disk,
      clock,
      logger: silentLogger,
    },
  );
  const request = (fields: Partial<SendSnapshot> = {}): SendSnapshot => ({
    store: source.store,
    snapshot: source.record,
    from: 1,
    to: 2,
    target: 'host2:1',
    signal: never(),
    ...fields,
  });
  return { disk, source, target, clock, sender, connections, request };
}

/** Lets everything that can go on without time passing go on. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000 && !condition(); i++) await new Promise((resolve) => setImmediate(resolve));
  expect(condition()).toBe(true);
}

async function expectNothingLeft({ disk, source, target, clock, sender }: Setup): Promise<void> {
  await target.receiver.stop();
  expect(traces(disk)).toEqual([]);
  expect(target.received).toEqual([]);
  expect(sender.streamCount).toBe(0);
  expect(clock.timerCount).toBe(0);
  // The lease is given back.
  await source.store.remove(source.record.index);
  expect([...disk.tree().keys()].filter((path) => path.startsWith('/source/7-1/'))).toEqual([]);
}

describe('the chunks of a snapshot', () => {
  it('are laid out as Dragonboat lays them out', async () => {
    const disk = new MemoryDisk();
    const source = await makeSource(disk, { dataBytes: 3 * MIB, fileSizes: [0, 5] });
    const chunks = await chunksFor(disk, source);
    const common = { clusterID: 7, nodeID: 2, from: 1, index: 1000, term: 3, deploymentID: 42, binVer: 210 };
    for (const chunk of chunks) expect(chunk).toMatchObject({ ...common, chunkCount: 4 });
    const shape = (chunk: SnapshotChunk): unknown[] => [
      chunk.chunkID,
      chunk.fileChunkID,
      chunk.fileChunkCount,
      chunk.chunkSize,
      chunk.fileSize,
      chunk.hasFileInfo,
      chunk.fileInfo?.fileID,
    ];
    const { fileSize } = source.record;
    expect(chunks.map(shape)).toEqual([
      [0, 0, 2, 2 * MIB, fileSize, false, undefined],
      [1, 1, 2, fileSize - 2 * MIB, fileSize, false, undefined],
      [2, 0, 1, 0, 0, true, 1],
      [3, 0, 1, 5, 5, true, 2],
    ]);
  });
});

describe('SnapshotSender', () => {
  it('sends a snapshot with its external files', async () => {
    const setup = await setUp({ dataBytes: 7 * MIB, fileSizes: [3 * MIB, 0] });
    const { sender, request, source, target } = setup;
    const outcome = await sender.send(request());
    expect(outcome).toMatchObject({ sent: true, sizeBytes: source.record.fileSize + 3 * MIB });
    expect(target.received).toHaveLength(1);
    const { snapshot } = target.received[0] ?? {};
    expect(snapshot).toEqual(source.record);
    const open = await target.store.open(source.record, never());
    expect(Buffer.compare(await collect(open.reader), source.data)).toBe(0);
    await open.close();
    expect(sender.streamCount).toBe(0);
  });

  it('holds two chunks at most, however slow the other side is', async () => {
    let delivered = 0;
    let read = 0;
    let most = 0;
    const setup = await setUp(
      { dataBytes: 20 * MIB },
      {
        window: 0,
        onChunk: async () => {
          await settle();
          delivered++;
        },
      },
    );
    const open = setup.disk.open.bind(setup.disk);
    setup.disk.open = async (path, mode) => {
      const file = await open(path, mode);
      if (mode !== 'read') return file;
      const readFile = file.read.bind(file);
      return Object.assign(file, {
        read: (buffer: Uint8Array, offset: number) => {
          if (buffer.length > MIB) {
            read++;
            most = Math.max(most, read - delivered);
          }
          return readFile(buffer, offset);
        },
      });
    };
    expect(await setup.sender.send(setup.request())).toMatchObject({ sent: true });
    expect(read).toBe(10);
    expect(most).toBe(2);
  });

  it('keeps to its bandwidth', async () => {
    const times: number[] = [];
    const setup = await setUp(
      { dataBytes: 9 * MIB, bytesPerSecond: MIB, stallTimeoutMs: 100_000 },
      { onChunk: () => void times.push(setup.clock.nowMs()) },
    );
    const sending = setup.sender.send(setup.request());
    for (let second = 0; second < 12; second++) {
      await settle();
      setup.clock.advance(1000);
    }
    expect(await sending).toMatchObject({ sent: true });
    expect(times).toEqual([0, 2000, 4000, 6000, 8000]);
  });

  it('bounds its streams; the others wait for their turn', async () => {
    const setup = await setUp({ maxStreams: 2, fileSizes: [1] }, { onChunk: () => settle() });
    const sending = [2, 3, 4, 5].map((to) => setup.sender.send(setup.request({ to })));
    let most = 0;
    let done = false;
    const all = Promise.all(sending).then((outcomes) => {
      done = true;
      return outcomes;
    });
    let seen = 0;
    await until(() => {
      seen = setup.connections.length;
      most = Math.max(most, seen);
      return seen >= 2;
    });
    expect(most).toBe(2);
    expect(setup.sender.streamCount).toBe(4);
    await until(() => done);
    // Only node 2 is there; the others were refused, each in its turn.
    expect((await all).map(({ sent }) => sent)).toEqual([true, false, false, false]);
    expect(setup.connections).toHaveLength(4);
  });

  it('is not held up by a host that hangs', async () => {
    const setup = await setUp({ maxStreams: 1 }, {}, async (target) =>
      target === 'hangs:1'
        ? await new Promise<ISnapshotConnection>(() => undefined)
        : new LoopbackConnection(setup.target.receiver.createSink, {}),
    );
    const { sender, request, clock } = setup;
    const hanging = [3, 4, 5].map((to) => sender.send(request({ to, target: 'hangs:1' })));
    const outcome = sender.send(request());
    await settle();
    clock.advance(499); // one hangs, and counts until it has done so for half of what a stall may take
    expect(sender.streamCount).toBe(4);
    clock.advance(1);
    expect(await outcome).toMatchObject({ sent: true });
    await sender.stop();
    for (const each of hanging) expect(await each).toMatchObject({ sent: false });
  });

  it('waits in the queue only as long as it is wanted', async () => {
    const setup = await setUp({ maxStreams: 1 }, { onChunk: () => new Promise(() => undefined) });
    const abort = new AbortController();
    const first = setup.sender.send(setup.request());
    await until(() => setup.connections.length === 1);
    const second = setup.sender.send(setup.request({ to: 3, signal: abort.signal }));
    await settle();
    abort.abort();
    expect(await second).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_STOPPED' } });
    await setup.sender.stop();
    await setup.sender.stop();
    expect(await first).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_STOPPED' } });
    expect(await setup.sender.send(setup.request())).toMatchObject({ sent: false });
    await expectNothingLeft(setup);
  });

  it('calls the earlier stream to the same node off', async () => {
    let isFirst = true;
    const setup = await setUp(
      { dataBytes: 12 * MIB },
      {
        onChunk: () => {
          if (!isFirst) return undefined;
          isFirst = false;
          return new Promise<void>(() => undefined);
        },
      },
    );
    const first = setup.sender.send(setup.request());
    await until(() => !isFirst);
    const second = setup.sender.send(setup.request());
    expect(await first).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_STOPPED' } });
    expect(await second).toMatchObject({ sent: true });
  });

  it('calls off what is on its way to a node that was removed, and no other', async () => {
    let chunks = 0;
    const setup = await setUp(
      { dataBytes: 12 * MIB },
      { onChunk: () => (chunks++ === 0 ? new Promise<void>(() => undefined) : undefined) },
    );
    const request = setup.request();
    const { clusterID } = request.store;
    const sending = setup.sender.send(request);
    await until(() => chunks > 0);
    setup.sender.callOff(clusterID + 1, request.to);
    setup.sender.callOff(clusterID, request.to + 1);
    expect(setup.sender.streamCount).toBe(1);
    setup.sender.callOff(clusterID, request.to);
    expect(await sending).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_STOPPED' } });
  });

  it('reports that the other host could not be reached, refused, or broke off', async () => {
    const failing = await setUp({}, {}, () => Promise.reject(new ErrConnectFailed('nobody there')));
    expect(await failing.sender.send(failing.request())).toMatchObject({
      sent: false,
      sizeBytes: 0,
      error: {
        code: 'ERR_SNAPSHOT_NOT_SENT',
        message: 'sending the snapshot at 1000 of group 7 to node 2 at host2:1 failed: nobody there',
        details: { target: 'host2:1' },
      },
    });
    await expectNothingLeft(failing);
    const refused = await setUp();
    const outcome = await refused.sender.send(refused.request({ to: 9 }));
    expect(outcome).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_NOT_SENT' } });
    await expectNothingLeft(refused);
    const broken = await setUp(
      { fileSizes: [1, 2] },
      {
        onChunk: ({ chunkID }) => {
          if (chunkID === 1) broken.connections[0]?.break();
        },
      },
    );
    expect(await broken.sender.send(broken.request())).toMatchObject({
      sent: false,
      error: { code: 'ERR_SNAPSHOT_NOT_SENT' },
    });
    await expectNothingLeft(broken);
  });

  it('gives up on a host that does not answer', async () => {
    const late: { closed: boolean }[] = [];
    let answer: (connection: ISnapshotConnection) => void = () => undefined;
    const connecting = await setUp({}, {}, () => new Promise((resolve) => (answer = resolve)));
    const sending = connecting.sender.send(connecting.request());
    await until(() => connecting.clock.timerCount === 1);
    connecting.clock.advance(500);
    expect(await sending).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_NOT_SENT' } });
    const state = { closed: false };
    late.push(state);
    answer({
      sendSnapshotChunk: () => Promise.resolve(),
      finish: () => Promise.resolve(),
      close: () => {
        state.closed = true;
      },
    });
    await settle();
    expect(late).toEqual([{ closed: true }]);
    await expectNothingLeft(connecting);

    const stalled = await setUp(
      { fileSizes: [1] },
      { window: 0, onChunk: () => new Promise(() => undefined) },
    );
    const stalling = stalled.sender.send(stalled.request());
    await until(() => stalled.clock.timerCount === 1 && stalled.connections.length === 1);
    stalled.clock.advance(1000);
    expect(await stalling).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_NOT_SENT' } });
    await expectNothingLeft(stalled);
  });

  it('stops at once when it is called off, wherever it is', async () => {
    for (const at of [0, 1, 2]) {
      const abort = new AbortController();
      const setup = await setUp(
        { fileSizes: [1, 2] },
        {
          onChunk: ({ chunkID }) => {
            if (chunkID === at) abort.abort();
          },
        },
      );
      const outcome = await setup.sender.send(setup.request({ signal: abort.signal }));
      expect(outcome).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_STOPPED' } });
      // All of it may have arrived by then.
      if (at < 2) await expectNothingLeft(setup);
    }
    const before = await setUp();
    const outcome = await before.sender.send(before.request({ signal: AbortSignal.abort() }));
    expect(outcome).toMatchObject({ sent: false, error: { code: 'ERR_SNAPSHOT_STOPPED' } });
    expect(before.connections).toHaveLength(0);
    await expectNothingLeft(before);
  });

  it('lets the earlier stream finish when all of it is sent, and begins the new one afterwards', async () => {
    const setup = await setUp();
    let finish: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const connect = setup.connections.push.bind(setup.connections);
    setup.connections.push = (connection) => {
      const finishing = connection.finish.bind(connection);
      if (setup.connections.length === 0) connection.finish = () => held.then(finishing);
      return connect(connection);
    };
    const first = setup.sender.send(setup.request());
    await until(() => setup.target.received.length === 1);
    const second = setup.sender.send(setup.request());
    await settle();
    expect(setup.connections).toHaveLength(1);
    finish();
    expect(await first).toMatchObject({ sent: true });
    expect(await second).toMatchObject({ sent: true });
    expect(setup.connections).toHaveLength(2);
    expect(setup.clock.timerCount).toBe(0);
  });

  it('does not send what is damaged, and reports it', async () => {
    const places: [string, number][] = [
      ['snapshot.data', 0],
      ['snapshot.data', 1500],
      ['snapshot.data', 3 * MIB],
      ['external-file-1', 2 * MIB + 3],
    ];
    for (const [name, offset] of places) {
      const setup = await setUp({ dataBytes: 4 * MIB, fileSizes: [2 * MIB + 10] });
      const path = `/source/7-1/snapshot-00000000000003e8/${name}`;
      setup.disk.damage(path, (bytes) => bytes.fill((bytes[offset] ?? 0) ^ 1, offset, offset + 1));
      const outcome = await setup.sender.send(setup.request());
      expect(outcome).toMatchObject({
        sent: false,
        error: { code: 'ERR_SNAPSHOT_CORRUPT', details: { path } },
      });
      await expectNothingLeft(setup);
    }
    const gone = await setUp();
    await gone.source.store.remove(1000);
    expect(await gone.sender.send(gone.request())).toMatchObject({
      sent: false,
      error: { code: 'ERR_SNAPSHOT_CORRUPT' },
    });
  });

  it('keeps the snapshot until it is sent', async () => {
    const setup = await setUp(
      { fileSizes: [1] },
      {
        onChunk: async ({ chunkID }) => {
          if (chunkID === 0) await setup.source.store.remove(1000);
        },
      },
    );
    expect(await setup.sender.send(setup.request())).toMatchObject({ sent: true });
    expect([...setup.disk.tree().keys()].filter((path) => path.startsWith('/source/7-1/'))).toEqual([]);
  });
});

describe('BandwidthLimiter', () => {
  it('grants in the order asked for, saves nothing up, and gives back what was not used', async () => {
    const clock = new ManualClock();
    const limiter = new BandwidthLimiter(clock, 1000);
    const granted: [string, number][] = [];
    const take = async (name: string, sizeBytes: number, signal = never()): Promise<void> => {
      await limiter.take(sizeBytes, signal);
      granted.push([name, clock.nowMs()]);
    };
    clock.advance(10_000);
    const abort = new AbortController();
    const taking = [take('a', 1000), take('b', 500), take('c', 500)];
    const dropped = take('d', 5000, abort.signal);
    await settle();
    abort.abort();
    await expect(dropped).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_STOPPED' });
    taking.push(take('e', 100));
    for (let i = 0; i < 30; i++) {
      clock.advance(100);
      await settle();
    }
    await Promise.all(taking);
    expect(granted).toEqual([
      ['a', 10_000],
      ['b', 11_000],
      ['c', 11_500],
      ['e', 12_000],
    ]);
    expect(clock.timerCount).toBe(0);
  });

  it('sets no limit with 0', async () => {
    const limiter = new BandwidthLimiter(new ManualClock(), 0);
    await limiter.take(1e12, never());
    await expect(limiter.take(1e12, never())).resolves.toBeUndefined();
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import {
  RecordingSink,
  TestHosts,
  freePort,
  never,
  numberedBatch,
  numberedChunk,
  until,
} from '@drakkar/raftio/transport/testing';
import { createWsRaftRPC } from './index.js';

const hosts = new TestHosts(createWsRaftRPC);

afterEach(async () => {
  await hosts.stop();
});

/** What of this kind holds the process. */
function handles(kind: RegExp): string[] {
  return process.getActiveResourcesInfo().filter((name) => kind.test(name));
}
const SOCKETS = /TCP|TLS|GetAddrInfo/;

describe('start', () => {
  it('rejects with ErrAddressInUse when the port is taken, and works once it is free', async () => {
    const first = await hosts.start();
    const second = await hosts.make({ address: first.address });
    await expect(second.rpc.start()).rejects.toMatchObject({ code: 'ERR_ADDRESS_IN_USE' });
    await first.rpc.stop();
    await second.rpc.start();
    const peer = await hosts.start();
    const connection = await peer.rpc.getConnection(second.address, never);
    await connection.sendMessageBatch(numberedBatch(1));
    await until('it is there', () => second.received.length === 1);
    expect(first.received).toEqual([]);
  });

  it('rejects with ErrInvalidAddress what can not be bound', async () => {
    for (const address of [
      '',
      'nowhere',
      '127.0.0.1:0',
      '192.0.2.1:5000',
      'name.invalid:5000',
      '127.0.0.1:99999',
    ]) {
      const host = await hosts.make({ address });
      await expect(host.rpc.start()).rejects.toMatchObject({ code: 'ERR_INVALID_ADDRESS' });
    }
  });

  it('is done once, however often it is called', async () => {
    const host = await hosts.make();
    await Promise.all([host.rpc.start(), host.rpc.start()]);
    await host.rpc.start();
    expect(host.warnings).toEqual([]);
  });
});

describe('stop', () => {
  it('is idempotent, also before start, and final', async () => {
    const host = await hosts.make();
    await host.rpc.stop();
    await Promise.all([host.rpc.stop(), host.rpc.stop()]);
    await expect(host.rpc.start()).rejects.toMatchObject({ code: 'ERR_TRANSPORT_STOPPED' });
    await expect(host.rpc.getConnection('127.0.0.1:1', never)).rejects.toMatchObject({
      code: 'ERR_TRANSPORT_STOPPED',
    });
    await expect(host.rpc.getSnapshotConnection('127.0.0.1:1', never)).rejects.toMatchObject({
      code: 'ERR_TRANSPORT_STOPPED',
    });
  });

  it('leaves the port free in the middle of start', async () => {
    const host = await hosts.make();
    const started = host.rpc.start().catch(() => undefined);
    await host.rpc.stop();
    await started;
    const successor = await hosts.start({ address: host.address });
    expect(successor.warnings).toEqual([]);
  });

  it('allows a restart on the same port at once, again and again, with connections open', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const peer = await hosts.start();
    for (let round = 1; round <= 10; round += 1) {
      const host = await hosts.start({ address });
      const out = await host.rpc.getConnection(peer.address, never);
      const back = await peer.rpc.getConnection(address, never);
      await out.sendMessageBatch(numberedBatch(round));
      await back.sendMessageBatch(numberedBatch(round));
      await until('it is there', () => host.received.length === 1 && peer.received.length === round);
      await host.rpc.stop();
    }
    expect(peer.received.length).toBe(10);
  });

  it('settles everything in flight and leaves no handle', async () => {
    const before = handles(SOCKETS);
    const sinks: RecordingSink[] = [];
    const chunkSinkFactory = (): RecordingSink => {
      const sink = new RecordingSink();
      sink.gate = () => new Promise(() => undefined);
      sinks.push(sink);
      return sink;
    };
    const { createServer } = await import('node:net');
    const silent = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const silentPort = (silent.address() as { port: number }).port;
    const options = { highWaterMarkBytes: 1024, snapshotWindowBytes: 1024, pingIntervalMs: 20 };
    const a = await hosts.start({ options });
    const b = await hosts.start({ options, chunkSinkFactory });
    const messages = await a.rpc.getConnection(b.address, never);
    const snapshots = await a.rpc.getSnapshotConnection(b.address, never);
    await snapshots.sendSnapshotChunk(numberedChunk(0, 9, new Uint8Array(10)));
    await until('the chunk is there', () => sinks[0]?.chunks.length === 1);
    const inFlight = [
      ...Array.from({ length: 100 }, (_, i) =>
        messages.sendMessageBatch(numberedBatch(i, new Uint8Array(1_000_000))),
      ),
      ...Array.from({ length: 9 }, (_, i) =>
        snapshots.sendSnapshotChunk(numberedChunk(i, 9, new Uint8Array(1_000_000))),
      ),
      snapshots.finish(),
    ];
    const outcomes = Promise.allSettled(inFlight);
    const dialling = a.rpc.getConnection(`127.0.0.1:${silentPort}`, never);
    const dialled = expect(dialling).rejects.toMatchObject({ code: 'ERR_TRANSPORT_STOPPED' });
    await Promise.all([a.rpc.stop(), b.rpc.stop()]);
    await dialled;
    const rejected = (await outcomes).filter((outcome) => outcome.status === 'rejected');
    expect(rejected.length).toBeGreaterThan(100);
    expect(sinks.map((sink) => sink.closes)).toEqual([1]);
    await expect(messages.sendMessageBatch(numberedBatch(1))).rejects.toMatchObject({
      code: 'ERR_TRANSPORT_STOPPED',
    });
    await expect(messages.closed).resolves.toMatchObject({ code: 'ERR_TRANSPORT_STOPPED' });
    const received = b.received.length;
    await new Promise((resolve) => silent.close(resolve));
    await until('every handle is gone', () => handles(SOCKETS).length <= before.length);
    expect(b.received.length).toBe(received);
  });
});

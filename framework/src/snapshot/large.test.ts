import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Snapshot } from '@drakkar/raftio';
import { heldBytes } from '@drakkar/raftio/transport/testing';
import { DiskReserve } from '../fs/disk-reserve.js';
import { silentLogger } from '../logging/logger.js';
import { NodeFileSystem } from '../fs/node-file-system.js';
import { dragonboatSessionFormat } from '../rsm/index.js';
import { encodeSessions } from '../rsm/session-codec.js';
import { SessionManager } from '../rsm/session-manager.js';
import { SystemClock } from '../runtime/clock.js';
import { SnapshotReceiver } from './stream/receiver.js';
import { SnapshotSender } from './stream/sender.js';
import { CLUSTER_ID, creation, makeStore, never, pattern } from './testing/fixture.js';
import { LoopbackConnection } from './testing/loopback.js';

const MIB = 1024 * 1024;
const PIECE = pattern(1, 64 * 1024);
const SIZE_BYTES = 256 * MIB;
/** Far less than the snapshot; what a collector that takes its time leaves lying about is the most of it. */
const MAX_GROWTH_BYTES = 100 * MIB;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-snapshot-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

/**
 * Runs `task` and returns by how much the memory of the process has grown at most meanwhile; where that is much, what only
 * waits to be collected does not count.
 */
async function growthOf(task: () => Promise<void>): Promise<number> {
  const heldBefore = heldBytes();
  const before = process.memoryUsage().rss;
  let most = 0;
  const timer = setInterval(() => {
    const growth = process.memoryUsage().rss - before;
    if (growth <= most) return;
    most =
      growth < MAX_GROWTH_BYTES / 2 ? growth : Math.max(most, Math.min(growth, heldBytes() - heldBefore));
  }, 5);
  try {
    await task();
  } finally {
    clearInterval(timer);
  }
  return most;
}

describe('a snapshot that is larger than memory should hold', () => {
  it.each([
    ['in our format', undefined],
    ['in the format of Dragonboat', dragonboatSessionFormat(4096)],
  ])('is written, sent, received and read in little memory: %s', async (_name, dragonboat) => {
    const fileSystem = new NodeFileSystem();
    const source = makeStore(fileSystem, join(dir, 'source'));
    const target = makeStore(fileSystem, join(dir, 'target'));
    const clock = new SystemClock();
    let received: Snapshot | undefined;
    const shared = { fileSystem, clock, logger: silentLogger };
    const receiver = new SnapshotReceiver(
      { deploymentID: 1, maxStreams: 1, idleTimeoutMs: 20_000 },
      {
        ...shared,
        lookup: () => ({ store: target, dragonboat }),
        onReceived: ({ snapshot, isFromDragonboat }) => {
          expect(isFromDragonboat).toBe(dragonboat !== undefined);
          received = snapshot;
        },
        onDiskFailed: () => undefined,
        reserve: new DiskReserve({ fileSystem, dir: '/', reserveBytes: 0 }),
      },
    );
    const sender = new SnapshotSender(
      { deploymentID: 1, maxStreams: 1, bytesPerSecond: 0, connectTimeoutMs: 1000, stallTimeoutMs: 20_000 },
      {
        ...shared,
        connect: async () => {
          const connection = new LoopbackConnection(receiver.createSink);
          const finish = connection.finish.bind(connection);
          connection.finish = async () => {
            await finish();
            sender.confirm(CLUSTER_ID, 2);
          };
          return connection;
        },
      },
    );
    let readBytes = 0;
    const growth = await growthOf(async () => {
      const snapshot = await source.create(
        creation(CLUSTER_ID, PIECE, {
          sessions: encodeSessions(new SessionManager(4096)),
          write: async (writer) => {
            for (let done = 0; done < SIZE_BYTES; done += PIECE.length) await writer.write(PIECE);
          },
        }),
      );
      expect(snapshot.fileSize).toBeGreaterThan(SIZE_BYTES);
      const outcome = await sender.send({
        store: source,
        snapshot,
        from: 1,
        to: 2,
        target: 'loopback',
        signal: never(),
        dragonboat,
      });
      expect(outcome).toMatchObject({ sent: true });
      const open = await target.open(received as Snapshot, never());
      for await (const piece of open.reader) readBytes += piece.length;
      await open.close();
    });
    expect(readBytes).toBe(SIZE_BYTES);
    expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
  });
});

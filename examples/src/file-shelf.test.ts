import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LoggerFactoryID, NodeHost, isTempError, silentLoggerFactory } from '@drakkar/framework';
import { FileShelf, REFUSED, putCommand } from './file-shelf.js';

const CLUSTER = 7;
const CONTENT_BYTES = 3 * 1024 * 1024;
const content = (fill: number): Uint8Array => new Uint8Array(CONTENT_BYTES).fill(fill);

const hosts: NodeHost[] = [];
const dirs: string[] = [];
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
  await Promise.all(dirs.splice(0).map((dir) => rm(dir, { recursive: true })));
});

async function makeDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'drakkar-shelf-'));
  dirs.push(dir);
  return dir;
}

async function freeAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `127.0.0.1:${address.port}`;
}

/** Until the group has a leader, and has had the time to answer. */
async function retrying<T>(request: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!isTempError(error) || Date.now() > deadline) throw error;
      await delay(10);
    }
  }
}

interface Node {
  host: NodeHost;
  shelf: FileShelf;
  shelfDir: string;
  /** How many external files each recovery got. */
  recoveries: number[];
}

async function start(dir: string, raftAddress: string, nodeID: number, join_: boolean): Promise<Node> {
  const host = await NodeHost.create(
    { raftAddress, nodeHostDir: join(dir, `host-${nodeID}`), rttMillisecond: 10 },
    { overrides: (container) => void container.bind(LoggerFactoryID).toConstantValue(silentLoggerFactory) },
  );
  hosts.push(host);
  const shelfDir = join(dir, `shelf-${nodeID}`);
  const shelf = await FileShelf.create(shelfDir);
  const recoveries: number[] = [];
  const recover = shelf.recoverFromSnapshot.bind(shelf);
  jest.spyOn(shelf, 'recoverFromSnapshot').mockImplementation(async (reader, files, signal) => {
    await recover(reader, files, signal);
    recoveries.push(files.length);
  });
  const group = { clusterID: CLUSTER, nodeID, electionRTT: 20, heartbeatRTT: 2, compactionOverhead: 1 };
  await host.startCluster(join_ ? {} : { [nodeID]: raftAddress }, join_, () => shelf, group);
  return { host, shelf, shelfDir, recoveries };
}

async function put({ host }: Node, name: string, bytes: Uint8Array): Promise<unknown> {
  const session = host.getNoOPSession(CLUSTER);
  return await retrying(() => host.syncPropose(session, putCommand(name, bytes)));
}

async function get({ host }: Node, name: string): Promise<Uint8Array> {
  return await retrying(() => host.syncRead(CLUSTER, Buffer.from(name)));
}

async function expectShelf(node: Node): Promise<void> {
  expect(Buffer.compare(await get(node, 'a'), content(3))).toBe(0);
  expect(Buffer.compare(await get(node, 'b'), content(2))).toBe(0);
  expect(Buffer.from(await get(node, 'c')).toString()).toBe('small');
}

describe('the file shelf', () => {
  it('keeps its documents through a snapshot and a restart, and gives them to a new node', async () => {
    const dir = await makeDir();
    const address = await freeAddress();
    const first = await start(dir, address, 1, false);
    expect(await put(first, 'a', content(1))).toBe(1);
    expect(await put(first, 'b', content(2))).toBe(2);
    expect(await put(first, 'a', content(3))).toBe(3);
    const index = await first.host.requestSnapshot(CLUSTER);
    expect(await put(first, 'c', Buffer.from('small'))).toBe(4);
    await expectShelf(first);
    const hash = first.shelf.getHash();
    await first.host.stop();

    const again = await start(dir, address, 1, false);
    await expectShelf(again);
    expect(again.shelf.getHash()).toBe(hash);
    expect(again.recoveries).toEqual([2]);
    expect((await readdir(again.shelfDir)).sort()).toEqual(['document-2', 'document-3', 'document-4']);
    expect(await retrying(() => again.host.requestSnapshot(CLUSTER))).toBeGreaterThan(index);

    const otherAddress = await freeAddress();
    await retrying(() => again.host.syncRequestAddNode(CLUSTER, 2, otherAddress, 0, { force: true }));
    const second = await start(dir, otherAddress, 2, true);
    await second.host.waitReady(CLUSTER, { timeoutMs: 20_000 });
    await expectShelf(second);
    expect(second.recoveries).toEqual([3]);
    expect(second.shelf.getHash()).toBe(hash);
  });

  it('answers a command that it does not understand, and goes on', async () => {
    const shelf = await FileShelf.create(join(await makeDir(), 'shelf'));
    expect(await shelf.update(Buffer.from('no name'))).toBe(REFUSED);
    expect(await shelf.update(putCommand('name', Buffer.from('text')))).toBe(1);
    expect(Buffer.from(await shelf.lookup(Buffer.from('name'))).toString()).toBe('text');
    expect(await shelf.lookup(Buffer.from('other'))).toHaveLength(0);
  });
});

describe('docs/state-machines.md', () => {
  it('shows the file shelf as it is', async () => {
    const root = join(import.meta.dirname, '..', '..');
    const doc = await readFile(join(root, 'docs/state-machines.md'), 'utf8');
    const [, shown] = /```ts\n([\s\S]*?)```/.exec(doc) ?? [];
    expect(shown).toBe(await readFile(join(root, 'examples/src/file-shelf.ts'), 'utf8'));
  });
});

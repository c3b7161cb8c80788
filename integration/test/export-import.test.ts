import { cp, mkdir, readFile, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  type ImportOptions,
  type ImportedSnapshot,
  type NodeHostConfigInput,
  SeededRandom,
  type SnapshotProgress,
  type SnapshotWriter,
  importSnapshot,
} from '@drakkar/framework';
import { flipBitAt, folderNameOf, restartNode, snapshotFolders } from './repair-support.js';
import {
  CLUSTER,
  Journal,
  TestCluster,
  type TestNode,
  Workshop,
  codeOf,
  eventually,
  folderHash,
  freeAddress,
  quietly,
  retrying,
} from './support.js';

/** Each test goes through several lives of a host, on a disk that may be busy. */
jest.setTimeout(120_000);

const workshop = new Workshop();
let cluster: TestCluster;
let node: TestNode;
let backup: string;

beforeEach(async () => {
  cluster = await TestCluster.start(workshop, 1, {}, { compactionOverhead: 2 });
  node = await cluster.readyLeader();
  backup = join(await workshop.dir(), 'backup');
  for (let i = 1; i <= 10; i++) await cluster.write(node, `line ${i}`);
});
afterEach(() => workshop.clear());

const config = (more: Partial<NodeHostConfigInput> = {}): NodeHostConfigInput => ({
  raftAddress: node.address,
  nodeHostDir: node.dir,
  ...more,
});

interface Import extends ImportOptions {
  from?: string;
  host?: Partial<NodeHostConfigInput>;
  members?: Record<number, string>;
  nodeID?: number;
}

function importing({
  from = backup,
  host,
  members,
  nodeID = 1,
  ...options
}: Import = {}): Promise<ImportedSnapshot> {
  const all = members ?? { 1: node.address };
  return importSnapshot(config(host), from, all, nodeID, { overrides: quietly, ...options });
}

/** Refused, with nothing changed in the data directory. */
async function expectRefused(options: Import, code: string, message?: RegExp): Promise<void> {
  const before = await folderHash(join(node.dir, 'snapshots'));
  const refusal = await importing(options).catch((error: unknown) => error as Error & { code: string });
  expect(refusal).toMatchObject({ code });
  if (message !== undefined) expect((refusal as Error).message).toMatch(message);
  expect(await folderHash(join(node.dir, 'snapshots'))).toBe(before);
}

describe('exportSnapshot', () => {
  it('exports all that is applied, as often as it is asked, and reports progress', async () => {
    const seen: SnapshotProgress[] = [];
    const onProgress = (progress: SnapshotProgress): void => void seen.push(progress);
    const first = await node.host.exportSnapshot(CLUSTER, backup, { onProgress });
    expect([...new Set(seen.map(({ phase }) => phase))]).toEqual(['saving', 'copying', 'verifying']);
    for (const phase of ['copying', 'verifying']) {
      const last = seen.filter((each) => each.phase === phase).at(-1);
      expect(last).toEqual({ phase, doneBytes: first.sizeBytes, totalBytes: first.sizeBytes });
    }
    // Nothing was applied since: the same snapshot once more.
    const again = await node.host.exportSnapshot(CLUSTER, `${backup}-2`);
    expect(again.index).toBe(first.index);
    expect(await readFile(join(`${backup}-2`, 'export.json'))).toEqual(
      await readFile(join(backup, 'export.json')),
    );
    await cluster.write(node, 'more');
    const later = await node.host.exportSnapshot(CLUSTER, `${backup}-3`);
    expect(later.index).toBe(first.index + 1);
  });

  it('takes an empty folder, and no other', async () => {
    await mkdir(backup);
    await node.host.exportSnapshot(CLUSTER, backup);
    expect((await readdir(backup)).sort()).toEqual(['export.json', 'snapshot.data']);
    const before = await folderHash(backup);
    expect(await codeOf(() => node.host.exportSnapshot(CLUSTER, backup))).toBe('ERR_INVALID_OPTION');
    expect(await folderHash(backup)).toBe(before);
    await writeFile(`${backup}-file`, '');
    expect(await codeOf(() => node.host.exportSnapshot(CLUSTER, `${backup}-file`))).toBe(
      'ERR_INVALID_OPTION',
    );
    expect(await codeOf(() => node.host.exportSnapshot(CLUSTER, ''))).toBe('ERR_INVALID_OPTION');
    expect(await codeOf(() => node.host.exportSnapshot(7, `${backup}-7`))).toBe('ERR_CLUSTER_NOT_FOUND');
  });

  it('can be called off, runs out of time, and then leaves nothing', async () => {
    const parent = join(await workshop.dir(), 'parent');
    await mkdir(parent);
    const to = join(parent, 'backup');
    const abort = new AbortController();
    const canceled = node.host.exportSnapshot(CLUSTER, to, {
      signal: abort.signal,
      onProgress: ({ phase }) => void (phase === 'copying' && abort.abort()),
    });
    expect(await codeOf(() => canceled)).toBe('ERR_CANCELED');
    expect(await readdir(parent)).toEqual([]);
    let slow: (() => void) | undefined;
    node.journal.saveSnapshot = async (writer: SnapshotWriter) => {
      await new Promise<void>((resolve) => (slow = resolve));
      await writer.write(Buffer.from('[]'));
    };
    await cluster.write(node, 'so that there is a snapshot to take');
    const late = node.host.exportSnapshot(CLUSTER, to, { timeoutMs: 200 });
    expect(await codeOf(() => late)).toBe('ERR_TIMEOUT');
    expect(await readdir(parent)).toEqual([]);
    slow?.();
    expect(await codeOf(() => node.host.exportSnapshot(CLUSTER, to, { timeoutMs: 1 }))).toBe(
      'ERR_TIMEOUT_TOO_SMALL',
    );
    expect(await codeOf(() => node.host.exportSnapshot(CLUSTER, to, { signal: AbortSignal.abort() }))).toBe(
      'ERR_CANCELED',
    );
  });

  it('ends with its replica, which waits until nothing is left of it', async () => {
    const parent = join(await workshop.dir(), 'parent');
    await mkdir(parent);
    let stopping: Promise<void> | undefined;
    const exporting = node.host.exportSnapshot(CLUSTER, join(parent, 'backup'), {
      onProgress: ({ phase }) => {
        if (phase === 'copying') stopping ??= node.host.stop();
      },
    });
    const code = codeOf(() => exporting);
    await eventually('the export to be under way', () => (stopping === undefined ? undefined : true));
    await stopping;
    expect(await readdir(parent)).toEqual([]);
    expect(await code).toBe('ERR_CLUSTER_CLOSED');
  });

  it('takes a new snapshot when the newest proves damaged', async () => {
    const index = await node.host.requestSnapshot(CLUSTER);
    const [folder = ''] = await snapshotFolders(node);
    await flipBitAt(join(folder, 'snapshot.data'), 0.6);
    const exported = await node.host.exportSnapshot(CLUSTER, backup);
    expect(exported.index).toBe(index);
    expect(node.events.of('snapshotDamaged')).toMatchObject([
      { clusterID: CLUSTER, nodeID: 1, index, error: { code: 'ERR_SNAPSHOT_CORRUPT' } },
    ]);
    await node.host.stop();
    await importing();
    const again = await restartNode(cluster, 1);
    expect(await cluster.read(again)).toContain('line 10');
  });
});

describe('importSnapshot', () => {
  beforeEach(async () => {
    await node.host.exportSnapshot(CLUSTER, backup);
  });

  it('refuses a host that runs', async () => {
    await expectRefused({}, 'ERR_LOCK_DIRECTORY');
    expect(await cluster.read(node)).toContain('line 10');
  });

  it('refuses what does not fit the host, or the group', async () => {
    await node.host.stop();
    const other = await freeAddress();
    await expectRefused(
      { nodeID: 2 },
      'ERR_INVALID_CLUSTER_SETTINGS',
      /node 2 is not one of the new members \(1\)/,
    );
    await expectRefused(
      { members: { 1: other } },
      'ERR_INVALID_CLUSTER_SETTINGS',
      new RegExp(`name ${other} for node 1, but this host's raftAddress is ${node.address}`),
    );
    await expectRefused(
      { members: { 1: node.address, 2: node.address } },
      'ERR_INVALID_CLUSTER_SETTINGS',
      /two of the new members have the same address/,
    );
    await expectRefused({ members: { 1: 'nowhere' } }, 'ERR_INVALID_ADDRESS');
    await expectRefused({ host: { deploymentId: 9 } }, 'ERR_DEPLOYMENT_ID_CHANGED', /of deployment 1/);
    const elsewhere = { nodeHostDir: join(await workshop.dir(), 'elsewhere') };
    await expectRefused({ host: { ...elsewhere, deploymentId: 9 } }, 'ERR_DEPLOYMENT_ID_CHANGED');
    await expectRefused(
      { host: { ...elsewhere, hardSettings: { lruMaxSessionCount: 8 } } },
      'ERR_HARD_SETTINGS_CHANGED',
    );
    await expectRefused({ host: { raftAddress: other }, members: { 1: other } }, 'ERR_NOT_OWNER');
    await expectRefused(
      { from: join(backup, '..', 'no-backup') },
      'ERR_INVALID_OPTION',
      /no exported snapshot/,
    );
    expect(await readdir(await workshop.dir())).not.toContain('elsewhere');
  });

  it('refuses an export that is not complete, or has a flipped bit, wherever it is', async () => {
    await node.host.stop();
    const copy = `${backup}-copy`;
    const random = new SeededRandom(11);
    for (const name of ['export.json', 'snapshot.data']) {
      await rm(copy, { recursive: true, force: true });
      await cp(backup, copy, { recursive: true });
      await unlink(join(copy, name));
      await expectRefused({ from: copy }, 'ERR_SNAPSHOT_CORRUPT', /missing/);
      for (let round = 0; round < 15; round++) {
        await rm(copy, { recursive: true, force: true });
        await cp(backup, copy, { recursive: true });
        const part = random.nextInt(1_000_000) / 1_000_000;
        const text = await readFile(join(copy, name));
        const at = Math.floor(part * text.length);
        // White space between the fields carries nothing.
        if (name === 'export.json' && /\s/.test(String.fromCharCode(text[at] ?? 0))) continue;
        await flipBitAt(join(copy, name), part);
        const refusal = await codeOf(() => importing({ from: copy }));
        expect({ name, part, refusal }).toEqual({ name, part, refusal: 'ERR_SNAPSHOT_CORRUPT' });
      }
    }
    // Both good, but not of one export.
    await rm(copy, { recursive: true, force: true });
    const again = await restartOld();
    await cluster.write(again, 'later');
    await again.host.exportSnapshot(CLUSTER, copy);
    await again.host.stop();
    await cp(join(backup, 'export.json'), join(copy, 'export.json'));
    await expectRefused({ from: copy, allowOlder: true }, 'ERR_SNAPSHOT_CORRUPT', /of another snapshot/);
  });

  async function restartOld(): Promise<TestNode> {
    const again = await cluster.startNode(1);
    await again.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
    return again;
  }

  it('refuses a snapshot older than what the host has, unless it is forced', async () => {
    await cluster.write(node, 'newer');
    await node.host.requestSnapshot(CLUSTER);
    await node.host.stop();
    await expectRefused({}, 'ERR_SNAPSHOT_OUT_OF_DATE', /--allow-older/);
    const { replaced, index } = await importing({ allowOlder: true });
    expect(replaced?.lastIndex).toBe(index + 1);
    const again = await restartNode(cluster, 1);
    expect(again.journal.lines.at(-1)).toBe('line 10');
    expect((await snapshotFolders(node)).map((path) => path.split('/').at(-1))).toEqual([
      folderNameOf({ index }),
    ]);
  });

  it('may be repeated, until the group has gone on', async () => {
    await node.host.stop();
    const first = await importing();
    expect(await importing()).toEqual({
      ...first,
      replaced: { commit: first.index, lastIndex: first.index },
    });
    const again = await restartNode(cluster, 1);
    await cluster.write(again, 'gone on');
    await again.host.stop();
    await expectRefused({}, 'ERR_SNAPSHOT_OUT_OF_DATE');
    const back = await restartNode(cluster, 1);
    expect(await cluster.read(back)).toContain('gone on');
  });

  it('keeps the membership of an imported snapshot when that is exported again', async () => {
    await node.host.stop();
    await importing();
    const again = await restartNode(cluster, 1);
    await again.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
    const members = { 1: node.address, 2: await freeAddress() };
    await again.host.exportSnapshot(CLUSTER, `${backup}-2`);
    await again.host.stop();
    await importing({ from: `${backup}-2`, members });
    const { membership } = await importing({ from: `${backup}-2`, members: { 1: node.address } });
    expect([...membership.removed]).toEqual([]);
    await importing({ from: `${backup}-2`, members });
    const waiting = await restartNode(cluster, 1);
    // Its own record, as it was imported, says that there is a node 2.
    await waiting.host.exportSnapshot(CLUSTER, `${backup}-3`);
    await waiting.host.stop();
    const third = await importing({ from: `${backup}-3`, members: { 1: node.address } });
    expect([...third.membership.removed]).toEqual([2]);
    const alone = await restartNode(cluster, 1);
    await alone.host.waitReady(CLUSTER, { timeoutMs: 60_000 });
    expect(
      await codeOf(() => alone.host.syncRequestAddNode(CLUSTER, 2, members[2], 0, { force: true })),
    ).toBe('ERR_REJECTED');
  });

  it('never brings a removed node back', async () => {
    await node.host.stopCluster(CLUSTER);
    await node.host.removeData(CLUSTER, 1);
    await node.host.stop();
    await expectRefused({}, 'ERR_NODE_REMOVED', /its data was removed from this host/);
    await expectRefused({ allowOlder: true }, 'ERR_NODE_REMOVED');
    const { membership, otherNodeIDs } = await importing({ nodeID: 2, members: { 2: node.address } });
    expect([...membership.removed]).toEqual([1]);
    expect(otherNodeIDs).toEqual([]);
    const second = await workshop.open(config());
    const journal = new Journal();
    await second.startCluster(new Map(), false, () => journal, {
      clusterID: CLUSTER,
      nodeID: 2,
      electionRTT: 10,
      heartbeatRTT: 1,
    });
    await second.waitReady(CLUSTER, { timeoutMs: 60_000 });
    expect(journal.lines.at(-1)).toBe('line 10');
    await second.exportSnapshot(CLUSTER, `${backup}-2`);
    await second.stop();
    await expectRefused(
      { from: `${backup}-2`, nodeID: 1 },
      'ERR_NODE_REMOVED',
      /node 1 was removed from the group/,
    );
  });

  it('reports other nodes of the group on the host', async () => {
    await node.host.stop();
    const { otherNodeIDs } = await importing({ nodeID: 2, members: { 2: node.address } });
    expect(otherNodeIDs).toEqual([1]);
  });

  it('can be called off, and then leaves the data as it was', async () => {
    await node.host.stop();
    const abort = new AbortController();
    const onProgress = ({ phase }: SnapshotProgress): void => void (phase === 'copying' && abort.abort());
    await expectRefused({ signal: abort.signal, onProgress }, 'ERR_SNAPSHOT_STOPPED');
    const again = await restartOld();
    expect(await cluster.read(again)).toContain('line 10');
  });
});

/** Keeps its lines in an external file. */
class FileJournal extends Journal {
  readonly #path: string;

  constructor(path: string) {
    super();
    this.#path = path;
  }

  override async saveSnapshot(
    writer: SnapshotWriter,
    files?: { addFile(fileID: number, path: string, metadata: Uint8Array): void },
  ): Promise<void> {
    await rm(this.#path, { force: true });
    await writeFile(this.#path, JSON.stringify(this.lines));
    files?.addFile(7, this.#path, new Uint8Array([1]));
    await writer.write(Buffer.from('see the file'));
  }

  override async recoverFromSnapshot(
    _reader: AsyncIterable<Uint8Array>,
    files: readonly { filepath: string }[] = [],
  ): Promise<void> {
    this.lines = JSON.parse(await readFile(files[0]?.filepath ?? '', 'utf8')) as string[];
    this.recoveries++;
  }
}

describe('external files', () => {
  it('go along, and are copies of their own', async () => {
    const group = { clusterID: 8, nodeID: 1, electionRTT: 10, heartbeatRTT: 1 };
    const path = join(await workshop.dir(), 'lines.json');
    const members = new Map([[1, node.address]]);
    await node.host.startCluster(members, false, () => new FileJournal(path), group);
    await retrying(() => node.host.syncPropose(node.host.getNoOPSession(8), Buffer.from('in a file')));
    // Its entry would otherwise come after the export, which then is of an earlier state than the disk.
    await eventually('the feature level', () => {
      const progress = node.host
        .getNodeHostInfo()
        .replicas.find(({ clusterID }) => clusterID === 8)?.progress;
      return progress !== undefined && progress.featureLevel > 0 ? true : undefined;
    });
    await node.host.exportSnapshot(8, backup);
    expect((await readdir(backup)).sort()).toEqual(['export.json', 'external-file-7', 'snapshot.data']);
    await node.host.stop();
    await writeFile(path, 'overwritten');
    await flipBitAt(join(backup, 'external-file-7'), 0.5);
    await expectRefused({}, 'ERR_SNAPSHOT_CORRUPT', /external-file-7 is damaged/);
    await flipBitAt(join(backup, 'external-file-7'), 0.5);
    await importing();
    const host = await workshop.open(config());
    const journal = new FileJournal(path);
    await host.startCluster(new Map(), false, () => journal, group);
    await eventually('the line to be there', () => (journal.lines[0] === 'in a file' ? true : undefined));
  });
});

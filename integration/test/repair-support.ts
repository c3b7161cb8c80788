import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportedSnapshot } from '@drakkar/framework';
import { flipBit } from './flip-bit.js';
import type { TestCluster } from './support.js';
import { CLUSTER, type TestNode, clusterConfig, eventually, progressOf } from './support.js';

/** Opens the node's host and restarts the replica that is there, whichever way it came there. */
export async function restartNode(
  cluster: TestCluster,
  nodeID: number,
  more: Parameters<typeof clusterConfig>[1] = {},
): Promise<TestNode> {
  const node = await cluster.openHost(nodeID);
  await node.host.startCluster(new Map(), false, () => node.journal, clusterConfig(nodeID, more));
  return node;
}

/** Everything of a replica's state in one word: sessions, data of the state machine, membership. */
async function stateHash(node: TestNode, dir: string): Promise<{ index: number; hash: string }> {
  const exported = await node.host.exportSnapshot(CLUSTER, dir);
  const record = JSON.parse(await readFile(join(dir, 'export.json'), 'utf8')) as { payloadChecksum: number };
  return { index: exported.index, hash: `${exported.index}: ${record.payloadChecksum}` };
}

/** Waits until all have applied the same index, and gives the hash of the state of each. */
export async function stateHashes(nodes: readonly TestNode[], dir: string): Promise<string[]> {
  let round = 0;
  return await eventually('all to have applied the same', async () => {
    const applied = new Set(nodes.map((node) => progressOf(node).applied));
    if (applied.size > 1) return undefined;
    round += 1;
    const all = await Promise.all(
      nodes.map((node) => stateHash(node, join(dir, `state-${round}-${node.nodeID}`))),
    );
    return new Set(all.map(({ index }) => index)).size === 1 ? all.map(({ hash }) => hash) : undefined;
  });
}

/** The folders of a replica's snapshots on disk, oldest first. */
export async function snapshotFolders(
  node: { dir: string; nodeID: number },
  clusterID = CLUSTER,
): Promise<string[]> {
  const dir = join(node.dir, 'snapshots', `${clusterID}-${node.nodeID}`);
  const names = await readdir(dir).catch(() => []);
  return names.sort().map((name) => join(dir, name));
}

export function folderNameOf({ index }: Pick<ExportedSnapshot, 'index'>): string {
  return `snapshot-${index.toString(16).padStart(16, '0')}`;
}

/** Flips a bit of the file, at a part of its length from 0 to 1. */
export async function flipBitAt(path: string, part: number): Promise<void> {
  const { size } = await stat(path);
  await flipBit(path, Math.min(size * 8 - 1, Math.floor(part * size * 8)));
}

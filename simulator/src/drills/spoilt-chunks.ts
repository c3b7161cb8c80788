import { type SnapshotChunk, decodeSnapshotChunk, encodeSnapshotChunk } from '@drakkar/raftio';
import type { VirtualHost } from '../cluster/virtual-host.js';
import type { Channel } from '../net/channel.js';
import type { ChunkTaker, Listener } from '../net/network.js';
import type { Theatre } from './theatre.js';

const RULE = 'spoilt chunks are refused';
const WRITES = 18;
/** Nobody looks at it. */
const NO_CHANNEL = undefined as unknown as Channel;
const PADDING = 'x'.repeat(20_000);

export const spoiltChunksSetting = {
  hostCount: 3,
  groups: [{}],
  // Each file has chunks of its own, so a stream has two.
  scenario: { hasExternalFiles: true, hasSmallBuffers: true },
};

/** Listens in the place of a host. It takes streams of chunks, and keeps them to itself. */
class Interceptor implements Listener {
  readonly chunks: SnapshotChunk[] = [];
  readonly #listener: Listener;

  constructor(listener: Listener) {
    this.#listener = listener;
  }

  get life(): Listener['life'] {
    return this.#listener.life;
  }

  /** Whether all chunks of a stream are here. */
  get isComplete(): boolean {
    return this.chunks.length > 0 && this.chunks.length === this.chunks[0]?.chunkCount;
  }

  receive(bytes: Uint8Array): void {
    this.#listener.receive(bytes);
  }

  attach(channel: Channel): void {
    this.#listener.attach(channel);
  }

  openStream(): ChunkTaker {
    return {
      take: (bytes) => {
        if (!this.isComplete) this.chunks.push(decodeSnapshotChunk(bytes));
        return Promise.resolve(true);
      },
      close: () => undefined,
    };
  }
}

type Spoil = (chunk: SnapshotChunk) => SnapshotChunk;

/** What a second chunk must not differ in from the first. */
const FOREIGN: readonly Spoil[] = [
  (chunk) => ({ ...chunk, index: chunk.index + 1 }),
  (chunk) => ({ ...chunk, term: chunk.term + 1 }),
  (chunk) => ({ ...chunk, from: chunk.from + 1 }),
  (chunk) => ({ ...chunk, clusterID: chunk.clusterID + 1 }),
];

/**
 * A follower needs a snapshot. Chunks come to it of another deployment, out of their turn, or of another snapshot; then
 * the right ones, but the last so late that it has caught up by then without them.
 */
export async function drillSpoiltChunks(theatre: Theatre): Promise<void> {
  const { cluster, world, dice } = theatre;
  const { network } = world;
  const leader = await theatre.leader();
  const [behind, other] = dice.chance(0.5)
    ? followers(cluster.hosts, leader)
    : followers(cluster.hosts, leader).reverse();
  const listener = behind && network.listeners.get(behind.address);
  if (behind === undefined || other === undefined || listener === undefined) return;
  const interceptor = new Interceptor(listener);
  network.listeners.set(behind.address, interceptor);
  await leaveBehind(theatre, leader, behind);
  await theatre.until('the snapshot', () => interceptor.isComplete);
  const { chunks } = interceptor;
  const [first, second] = chunks;
  if (first === undefined || second === undefined) return;
  const isTaken = (...list: SnapshotChunk[]): Promise<boolean> =>
    theatre.inHost(behind, () => deliver(listener.openStream(NO_CHANNEL), list, true));
  if (await isTaken({ ...first, deploymentID: Number(first.deploymentID) + 1 }))
    theatre.fail(RULE, 'one of another deployment is taken');
  if (await isTaken(first, { ...second, chunkID: second.chunkID + 1 }))
    theatre.fail(RULE, 'one is taken out of its turn');
  if (await isTaken(first, dice.pick(FOREIGN)(second)))
    theatre.fail(RULE, 'one of another snapshot is taken');
  const late = listener.openStream(NO_CHANNEL);
  const isWanted = await theatre.inHost(behind, () => deliver(late, chunks.slice(0, -1), false));
  await catchUp(theatre, { leader, behind, other });
  await theatre.inHost(behind, () => deliver(late, chunks.slice(-1), true));
  await theatre.sleep(500);
  network.heal();
  network.listeners.set(behind.address, listener);
  await theatre.writes(await theatre.leader(), 2);
  if (isWanted) world.coverage.count('drill: spoilt chunks');
}

const followers = (hosts: readonly VirtualHost[], leader: VirtualHost): VirtualHost[] =>
  hosts.filter((host) => host !== leader);

/** What the follower lacks is nowhere in the log of its leader. */
async function leaveBehind(theatre: Theatre, leader: VirtualHost, behind: VirtualHost): Promise<void> {
  const { clusterID } = theatre.group.scenario;
  theatre.cut(behind);
  // Connections break after a while; until then what was sent waits on the way.
  await theatre.sleep(5_000);
  // More than stays in memory.
  for (let i = 0; i < WRITES; i++) await theatre.write(leader, clusterID, PADDING);
  await leader.call((nodeHost) => nodeHost.requestSnapshot(clusterID));
  await theatre.sleep(1_000);
  theatre.world.network.heal();
}

/** Another leader has everything in its log, and replicates it. */
async function catchUp(
  theatre: Theatre,
  { leader, behind, other }: Record<'leader' | 'behind' | 'other', VirtualHost>,
): Promise<void> {
  const { clusterID } = theatre.group.scenario;
  const target = theatre.progress(leader)?.commit ?? 0;
  theatre.cut(leader, [behind]);
  await theatre.until('a hand-over', () => {
    if (!leader.leads(clusterID)) return other.leads(clusterID);
    leader.nodeHost?.requestLeaderTransfer(clusterID, other.replicas.get(clusterID)?.nodeID ?? 0);
    return false;
  });
  await theatre.until('the log', () => (theatre.progress(behind)?.applied ?? 0) > target);
}

/** Resolves to whether the last chunk was taken. */
async function deliver(
  taker: ChunkTaker,
  chunks: readonly SnapshotChunk[],
  closes: boolean,
): Promise<boolean> {
  let isTaken = false;
  for (const chunk of chunks) {
    isTaken = await taker.take(encodeSnapshotChunk(chunk));
    if (!isTaken) break;
  }
  if (closes) taker.close();
  return isTaken;
}

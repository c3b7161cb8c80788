import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type IStateMachine, type NodeHost, Session } from '@drakkar/framework';
import {
  ConfigChangeType,
  type Entry,
  EntryType,
  MessageType,
  type SnapshotFile,
  type Uint64,
  encodeConfigChange,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import { EventLog } from './event-log.js';
import { GoPeer, recordedStream } from './go-peer.js';
import { Workshop, eventually, freeAddress } from './support.js';

const CLUSTER = 1;
const NODE = 4;

/** The state machine that was recorded, as far as the snapshots show it: a counter, a hash, and a blob. */
class Counter implements IStateMachine {
  count = 0n;
  hash = 0n;
  blob = Buffer.alloc(0);
  files: { fileID: number; metadata: string; content: Buffer }[] = [];
  updates = 0;
  recoveries = 0;

  update(): Uint64 {
    this.updates += 1;
    this.count += 1n;
    return Number(this.count);
  }

  lookup(): Uint8Array {
    return Buffer.from(String(this.count));
  }

  saveSnapshot(): void {
    throw new Error('no snapshot in this test');
  }

  async recoverFromSnapshot(
    reader: AsyncIterable<Uint8Array>,
    files: readonly SnapshotFile[],
  ): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const piece of reader) pieces.push(piece);
    const data = Buffer.concat(pieces);
    this.count = data.readBigUInt64LE(0);
    this.hash = data.readBigUInt64LE(8);
    this.blob = data.subarray(20);
    expect(this.blob).toHaveLength(data.readUInt32LE(16));
    this.files = [];
    for (const { fileID, metadata, filepath } of files) {
      this.files.push({
        fileID,
        metadata: Buffer.from(metadata).toString(),
        content: await readFile(filepath),
      });
    }
    this.recoveries += 1;
  }

  close(): void {
    // Nothing is open.
  }

  getHash(): Uint64 {
    return this.hash;
  }
}

interface Joined {
  host: NodeHost;
  address: string;
  machine: Counter;
  peer: GoPeer;
  events: EventLog;
}

const workshop = new Workshop();
const peers = new Set<GoPeer>();
afterEach(async () => {
  for (const peer of peers) peer.close();
  peers.clear();
  await workshop.clear();
});

/** Node 4 of the recorded group on a host of ours, which has joined and knows nothing yet. */
async function join4(compatibility: 'dragonboat-2.1' | 'none' = 'dragonboat-2.1'): Promise<Joined> {
  const address = await freeAddress();
  const events = new EventLog();
  const nodeHostDir = join(await workshop.dir(), address.replace(':', '-'));
  const transport = { module: 'grpc' };
  const host = await workshop.open(
    { raftAddress: address, nodeHostDir, transport },
    { events: events.listener },
  );
  const machine = new Counter();
  const config = { clusterID: CLUSTER, nodeID: NODE, electionRTT: 10, heartbeatRTT: 1, compatibility };
  await host.startCluster(new Map(), true, () => machine, config);
  const peer = new GoPeer(address);
  peers.add(peer);
  return { host, address, machine, peer, events };
}

const recovered = ({ machine }: Joined, times = 1): Promise<unknown> =>
  eventually('the state machine to be recovered', () => (machine.recoveries === times ? true : undefined));

/** What the leader of the recorded group commits next: node 4 is made its only member. */
function takeOver({ peer, address }: Joined, index: number, term: number): void {
  const changes: [ConfigChangeType, number][] = [
    [ConfigChangeType.AddNode, NODE],
    [ConfigChangeType.RemoveNode, 2],
    [ConfigChangeType.RemoveNode, 3],
    [ConfigChangeType.RemoveNode, 1],
  ];
  const entries = changes.map(([type, nodeID], i): Entry => {
    const to = type === ConfigChangeType.AddNode ? address : '';
    const cmd = encodeConfigChange({ configChangeID: 0, type, nodeID, address: to, initialize: false });
    return makeEntry({ index: index + 1 + i, term, type: EntryType.ConfigChangeEntry, cmd });
  });
  const message = makeMessage({
    type: MessageType.Replicate,
    clusterID: CLUSTER,
    from: 1,
    to: NODE,
    term,
    logIndex: index,
    logTerm: term,
    commit: index + entries.length,
    entries,
  });
  peer.sendMessages([message], '127.0.0.1:1');
}

function recordedSession(clientID: bigint, seriesID: number, respondedTo: number): Session {
  return Session.fromRecord({ clusterID: CLUSTER, clientID, seriesID, respondedTo });
}

const TIMEOUT = { timeoutMs: 15_000 };

describe('a host that gets the snapshot that a Go host has sent', () => {
  it('has its state, and gives the retry of a recorded session the recorded result', async () => {
    const joined = await join4();
    const { machine, host, peer } = joined;
    const [first] = recordedStream('snapshot-small.jsonl');
    if (first === undefined) throw new Error('no recorded stream');
    peer.sendChunk(first.bytes);
    await recovered(joined);
    expect([machine.count, machine.hash, machine.blob.length]).toEqual([225n, 1763436145969361652n, 0]);
    takeOver(joined, first.chunk.index, first.chunk.term);
    await host.waitReady(CLUSTER, TIMEOUT);
    const sessions: [clientID: bigint, seriesID: number, respondedTo: number, result: number][] = [
      [18009242019770268857n, 2, 1, 2],
      [14021349319002758658n, 1, 0, 3],
      [17609006210317108495n, 1, 0, 4],
      [14340303496195521974n, 1, 0, 5],
    ];
    for (const [clientID, seriesID, respondedTo, result] of sessions) {
      const session = recordedSession(clientID, seriesID, respondedTo);
      expect(await host.syncPropose(session, Buffer.from('again'), TIMEOUT)).toBe(result);
    }
    expect(machine.updates).toBe(0);
    const next = recordedSession(14021349319002758658n, 2, 1);
    expect(await host.syncPropose(next, Buffer.from('new'), TIMEOUT)).toBe(226);
    expect(machine.updates).toBe(1);
    const { nodes, removed } = await host.getClusterMembership(CLUSTER, TIMEOUT);
    expect([...nodes]).toEqual([[NODE, joined.address]]);
    expect([...removed].sort()).toEqual([1, 2, 3]);
  }, 60_000);

  it('has its external files, and takes the next snapshot over the same call', async () => {
    const joined = await join4();
    const { machine, peer, events } = joined;
    const small = recordedStream('snapshot-small.jsonl');
    const files = recordedStream('snapshot-files.jsonl');
    for (const { bytes } of small) peer.sendChunk(bytes);
    await recovered(joined);
    for (const { bytes } of files) peer.sendChunk(bytes);
    await recovered(joined, 2);
    expect([machine.count, machine.hash, machine.blob.length]).toEqual([228n, 8915758120750313481n, 5000]);
    expect(machine.files.map(({ fileID, metadata }) => [fileID, metadata])).toEqual([
      [1, 'meta0'],
      [2, 'meta1'],
    ]);
    for (const [i, { content }] of machine.files.entries()) {
      expect(Buffer.compare(content, files[i + 1]?.chunk.data ?? Buffer.of(0))).toBe(0);
    }
    expect(events.of('snapshotReceived').map(({ index }) => index)).toEqual([233, 237]);
    expect(peer.endedCalls).toBe(0);
  }, 60_000);

  it('leaves the call open when it refuses one, and takes the next', async () => {
    const joined = await join4();
    const { peer, machine } = joined;
    const files = recordedStream('snapshot-files.jsonl');
    const damaged = Buffer.from(files[0]?.bytes ?? []);
    damaged[3000] = (damaged[3000] ?? 0) ^ 1;
    for (const bytes of [damaged, files[1]?.bytes, files[2]?.bytes]) peer.sendChunk(bytes ?? Buffer.of());
    for (const { bytes } of files) peer.sendChunk(bytes);
    await recovered(joined);
    expect(machine.count).toBe(228n);
    expect(peer.endedCalls).toBe(0);
  }, 60_000);

  it('takes none of it where the group is not meant to have such members', async () => {
    const joined = await join4('none');
    const other = await join4();
    for (const { peer } of [joined, other]) {
      for (const { bytes } of recordedStream('snapshot-small.jsonl')) peer.sendChunk(bytes);
    }
    await recovered(other);
    expect(joined.machine.recoveries).toBe(0);
    expect(joined.events.of('snapshotReceived')).toEqual([]);
    expect(joined.peer.endedCalls).toBe(0);
  }, 60_000);
});

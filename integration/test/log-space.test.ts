import { afterEach, describe, expect, it } from '@jest/globals';
import type { NodeHost } from '@drakkar/framework';
import { MACHINE_CONFIG, MemoryMachine } from './memory-machine.js';
import { Journal, clusterConfig, eventually, retrying } from './support.js';

const MIB = 1024 * 1024;
const TOTAL_BYTES = 1_000 * MIB; // a tenth of it is reserved

let host: NodeHost | undefined;

afterEach(async () => {
  await host?.stop();
  host = undefined;
});

describe('a group whose log can not be compacted, since snapshots have no room', () => {
  it('takes no proposals before the disk is full, reports why, and recovers by itself', async () => {
    let freeBytes = 500 * MIB;
    const machine = new MemoryMachine();
    Object.assign(machine.disk, { space: () => Promise.resolve({ freeBytes, totalBytes: TOTAL_BYTES }) });
    const events: string[] = [];
    const ours = await machine.open({
      logNoSpace: ({ clusterID }) => void events.push(`full ${clusterID}`),
      logSpaceRegained: ({ clusterID }) => void events.push(`room ${clusterID}`),
      snapshotCreated: ({ clusterID }) => void events.push(`snapshot ${clusterID}`),
    });
    host = ours;
    const propose = (clusterID: number): Promise<unknown> =>
      ours.syncPropose(ours.getNoOPSession(clusterID), Buffer.from('line'));
    for (const clusterID of [1, 2]) {
      const config = clusterConfig(1, { clusterID, snapshotEntries: clusterID === 1 ? 10 : 0 });
      const members = new Map([[1, String(MACHINE_CONFIG.raftAddress)]]);
      await ours.startCluster(members, false, () => new Journal(), config);
      await retrying(() => propose(clusterID));
    }
    freeBytes = 90 * MIB;
    const refusal = await eventually('a refusal', async () => {
      const failure = await propose(1).then(() => undefined, String);
      return failure?.includes('compacted') === true ? failure : undefined; // those in its queue find no leader that takes them
    });
    expect(refusal).toMatch(
      /group 1: its log can't be compacted .* 94371840 bytes are free .*diskReserveBytes/,
    );
    await expect(propose(1)).rejects.toMatchObject({
      code: 'ERR_SYSTEM_BUSY',
      effect: 'none',
      retry: 'here',
    });
    // Reads are served, and the neighbour, whose log is small, goes on.
    await ours.syncRead(1, Buffer.alloc(0));
    for (let i = 0; i < 20; i++) await propose(2);
    expect(events).toEqual(['full 1']);
    freeBytes = 500 * MIB;
    await retrying(() => propose(1));
    await eventually('room and a snapshot', () => (events.length >= 3 ? events : undefined));
    expect([...events].sort()).toEqual(['full 1', 'room 1', 'snapshot 1']);
  });
});

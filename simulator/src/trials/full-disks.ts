import { hasErrorCode } from '@drakkar/raftio';
import type { GroupState } from '../cluster/cluster.js';
import { tell } from '../cluster/world.js';
import { type Stage, stagedMembers, writeSome } from './stage.js';

const MIB = 1024 * 1024;
const FREE_BYTES = 1.5 * MIB;
const SNAPSHOT_BYTES = 3 * MIB;
const WRITES = 5;

/**
 * The state of a group has outgrown the disks of its hosts, and all of them take a snapshot at once. None may be the end
 * of a LogDB, and every group goes on.
 */
export async function tryFullDisks(stage: Stage): Promise<void> {
  const { world, cluster, dice, liveness } = stage;
  const group = dice.pick(cluster.groups);
  const { clusterID } = group.scenario;
  const members = stagedMembers(stage, group);
  tell(world, 'trial', `a snapshot of group ${clusterID} does not fit on any disk`);
  for (const { disk } of cluster.hosts) {
    disk.hasFailed = false;
    disk.capacityBytes = disk.usedBytes + FREE_BYTES;
  }
  for (const { host } of members) host.padSnapshots(clusterID, SNAPSHOT_BYTES);
  const refusals = await Promise.all([
    writeEverywhere(stage),
    ...members.map(async ({ host }) => {
      try {
        await host.call((nodeHost) => nodeHost.requestSnapshot(clusterID));
        return false;
      } catch (error) {
        return hasErrorCode(error, 'ERR_SNAPSHOT_NO_SPACE');
      }
    }),
  ]);
  await writeEverywhere(stage);
  const failed = cluster.hosts.find(({ disk }) => disk.hasFailed);
  if (failed !== undefined)
    liveness.fail(`a snapshot of group ${clusterID} has filled the disk of ${failed.name}`);
  if (refusals.includes(true)) world.coverage.count('snapshot without room');
  for (const { host } of members) host.padSnapshots(clusterID, 0);
  for (const { disk } of cluster.hosts) disk.capacityBytes = Infinity;
}

/** Whether every group takes writes. */
async function writeEverywhere(stage: Stage): Promise<boolean> {
  for (const group of stage.cluster.groups as readonly GroupState[]) {
    if (await writeSome(stage, group, WRITES)) continue;
    stage.liveness.fail(`group ${group.scenario.clusterID} takes no writes while disks are all but full`);
  }
  return false;
}

import type { VirtualHost } from '../cluster/virtual-host.js';
import { DrillStuckError, type Theatre } from './theatre.js';

const RULE = 'nothing is left of an unfinished snapshot';
const FOLDER = /^(.*\/snapshots\/[^/]+\/[^/]+)\//;
const STALL_MS = 1_000;

export const unfinishedSnapshotSetting = { hostCount: 3, groups: [{}] };

/** A process is killed while a snapshot is written. Nothing of that may be left when it has started again. */
export async function drillUnfinishedSnapshot(theatre: Theatre): Promise<void> {
  const { cluster, world, dice } = theatre;
  const { clusterID } = theatre.group.scenario;
  await theatre.writes(await theatre.leader(), dice.between(2, 6));
  const host = dice.pick(cluster.hosts);
  if (dice.chance(0.5)) {
    await host.call((nodeHost) => nodeHost.requestSnapshot(clusterID));
    await theatre.writes(await theatre.leader(), 2);
    // Once the host has applied that too: it takes no snapshot when nothing was applied since the last one.
    await theatre.leader();
  }
  const finished = new Set(foldersOf(host));
  let refusal = '';
  host
    .call((nodeHost) => nodeHost.requestSnapshot(clusterID))
    .catch((error: unknown) => (refusal = String(error)));
  const isBegun = (): boolean => {
    if (refusal !== '') throw new DrillStuckError(`an unfinished snapshot (${refusal})`);
    return foldersOf(host).some((folder) => !finished.has(folder));
  };
  await theatre.until('an unfinished snapshot', isBegun, 0.2);
  // It gets no further, so what there is now is left.
  host.disk.stalledUntilMs = world.scheduler.nowMs + STALL_MS;
  await theatre.sleep(dice.skewed(0, STALL_MS / 2));
  const left = foldersOf(host).filter((folder) => !finished.has(folder) && folder.includes('.'));
  host.crash(false);
  await theatre.until('a restart', () => host.isUp && (theatre.progress(host)?.applied ?? 0) > 0);
  await theatre.leader();
  const stays = left.filter((folder) => foldersOf(host).includes(folder));
  if (stays.length > 0) theatre.fail(RULE, `${host.name} still has ${stays.join(', ')}`);
  if (left.length > 0) world.coverage.count('drill: unfinished snapshot');
}

/** The folders of snapshots on its disk, finished or not. */
function foldersOf(host: VirtualHost): string[] {
  return [...new Set(host.disk.files().flatMap(({ path }) => FOLDER.exec(path)?.[1] ?? []))];
}

import type { SeededRandom } from '../harness/random.js';
import type { ReplicaPlan } from './node-commands.js';

/** A group as it should be: which host has which of its nodes. */
export interface Group {
  readonly clusterID: number;
  readonly members: Map<number, ReplicaPlan>;
  /** Never used so far. */
  nextNodeID: number;
}

/** Every third group has five replicas, one on each host; the others three. */
export function planGroups(count: number, addresses: readonly string[], random: SeededRandom): Group[] {
  const hostIDs = addresses.map((_, i) => i + 1);
  return Array.from({ length: count }, (_, i): Group => {
    const clusterID = i + 1;
    const hosts = shuffled(hostIDs, random).slice(0, clusterID % 3 === 0 ? 5 : 3);
    const members = hosts.map((hostID, place): [number, string] => [place + 1, addresses[hostID - 1] ?? '']);
    const replicas = hosts.map((hostID, place): [number, ReplicaPlan] => [
      hostID,
      { clusterID, nodeID: place + 1, members, join: false, isObserver: false },
    ]);
    return { clusterID, members: new Map(replicas), nextNodeID: hosts.length + 1 };
  });
}

export function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const left = [...items];
  const result: T[] = [];
  while (left.length > 0) result.push(...left.splice(random.between(0, left.length - 1), 1));
  return result;
}

export function replicasOf(groups: readonly Group[], hostID: number): ReplicaPlan[] {
  return groups.flatMap(({ members }) => members.get(hostID) ?? []);
}

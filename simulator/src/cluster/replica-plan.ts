import type { ClusterConfigInput } from '@drakkar/framework';
import type { GroupScenario } from './scenario.js';

/** A replica that a host is to run, as its operator has written it down; it outlives the host's processes. */
export interface ReplicaPlan {
  group: GroupScenario;
  nodeID: number;
  /** Empty for one that joins. */
  initialMembers: ReadonlyMap<number, string>;
  isObserver: boolean;
}

export function clusterConfig({ group, nodeID, isObserver }: ReplicaPlan): ClusterConfigInput {
  const { voterCount: _, wantsObserver: __, ...config } = group;
  return { ...config, nodeID, isObserver };
}

import type { Group, StartGroupOptions } from '@drakkar/framework';
import { CLUSTER, TestCluster, type Workshop } from './support.js';

/** A group of some hosts in this process, by the handles of its replicas. */
export class TestGroup {
  readonly cluster: TestCluster;
  readonly groups: Group[] = [];
  readonly #more: Partial<StartGroupOptions>;

  private constructor(cluster: TestCluster, more: Partial<StartGroupOptions>) {
    this.cluster = cluster;
    this.#more = more;
  }

  static async start(
    workshop: Workshop,
    size: number,
    more: Partial<StartGroupOptions> = {},
  ): Promise<TestGroup> {
    const cluster = await TestCluster.prepare(workshop, size);
    const test = new TestGroup(cluster, more);
    for (const [replicaID] of cluster.members) await test.#start(replicaID, { members: cluster.members });
    return test;
  }

  /** Starts a replica that was added. */
  join(replicaID: number): Promise<Group> {
    return this.#start(replicaID, { join: true });
  }

  async #start(replicaID: number, how: Partial<StartGroupOptions>): Promise<Group> {
    const node = await this.cluster.openHost(replicaID);
    const group = await node.host.startGroup({
      groupID: CLUSTER,
      replicaID,
      electionRTT: 10,
      heartbeatRTT: 1,
      stateMachine: () => node.journal,
      ...this.#more,
      ...how,
    });
    this.groups.push(group);
    return group;
  }

  /** Stops the hosts of these replicas. */
  readonly stop = async (...replicaIDs: number[]): Promise<void> => {
    await Promise.all(replicaIDs.map((id) => this.cluster.node(id).host.stop()));
  };
}

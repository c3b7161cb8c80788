import { setTimeout as delay } from 'node:timers/promises';
import type { SeededRandom } from '../harness/random.js';
import type { ChaosCluster } from './cluster.js';
import type { Group } from './groups.js';
import type { Change } from './node-commands.js';

const REQUEST_TIMEOUT_MS = 2_000;
const CALL_TIMEOUT_MS = 5_000;
const RETRY_DELAY_MS = 50;

/**
 * Changes the members of groups, as docs/membership.md has it: each change through any member that has the group, and
 * each new node under an id that the group has never had.
 */
export class Members {
  readonly #cluster: ChaosCluster;
  readonly #random: SeededRandom;
  readonly #deadlineMs: number;
  readonly #interrupted: AbortSignal;
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param deadlineMs how long one change may take before it counts as stuck
   * @param interrupted given when nobody waits for it any more
   */
  constructor(cluster: ChaosCluster, random: SeededRandom, deadlineMs: number, interrupted: AbortSignal) {
    this.#interrupted = interrupted;
    this.#cluster = cluster;
    this.#random = random;
    this.#deadlineMs = deadlineMs;
  }

  /** Changes of members one after the other: a host that is being wiped is no place to move to. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => undefined);
    return await mine;
  }

  /** Gives the host's node of the group up, and adds another one in its place, on the same host. */
  async replace(group: Group, hostID: number): Promise<void> {
    await this.#remove(group, hostID);
    await this.#add(group, hostID);
  }

  /** To a host that has none; the old node stays until the new one is a member. */
  async move(group: Group, from: number, to: number): Promise<void> {
    await this.#add(group, to);
    await this.#remove(group, from);
  }

  /** For a host that has lost the data of its node: the node is removed, and another one is added in its place. */
  async rebuild(group: Group, hostID: number, lostNodeID: number): Promise<void> {
    await this.#change(group, { kind: 'remove', clusterID: group.clusterID, nodeID: lostNodeID });
    await this.#add(group, hostID);
  }

  async #remove(group: Group, hostID: number): Promise<void> {
    const { clusterID, members } = group;
    const { nodeID } = members.get(hostID) ?? { nodeID: 0 };
    await this.#change(group, { kind: 'remove', clusterID, nodeID });
    // From here on a process that is started there does not run it.
    members.delete(hostID);
    await this.#persevere(`end of node ${nodeID} of group ${clusterID}`, () =>
      this.#cluster.call(hostID, 'retire', { clusterID, nodeID }, CALL_TIMEOUT_MS),
    );
  }

  async #add(group: Group, hostID: number): Promise<void> {
    const { clusterID, members } = group;
    const nodeID = group.nextNodeID;
    group.nextNodeID += 1;
    const { address } = this.#cluster.host(hostID);
    const observesFirst = this.#random.isTrue(0.5);
    const change = { clusterID, nodeID, address };
    await this.#change(group, { kind: observesFirst ? 'observe' : 'add', ...change });
    const plan = { clusterID, nodeID, members: [], join: true, isObserver: observesFirst };
    members.set(hostID, plan);
    await this.#persevere(`start of node ${nodeID} of group ${clusterID}`, () =>
      this.#cluster.call(hostID, 'start', plan, CALL_TIMEOUT_MS),
    );
    if (!observesFirst) return;
    await this.#change(group, { kind: 'add', ...change });
    members.set(hostID, { ...plan, isObserver: false });
  }

  /** Asks one member after the other until one of them has seen the change in force. */
  async #change(group: Group, change: Change): Promise<void> {
    const asked = { change, timeoutMs: REQUEST_TIMEOUT_MS };
    let attempts = this.#random.between(0, 4);
    await this.#persevere(
      `${change.kind} of node ${change.nodeID} of group ${change.clusterID}`,
      async () => {
        const hostIDs = [...group.members.keys()];
        attempts += 1;
        await this.#cluster.call(hostIDs[attempts % hostIDs.length] ?? 0, 'change', asked, CALL_TIMEOUT_MS);
      },
    );
  }

  async #persevere(what: string, attempt: () => Promise<unknown>): Promise<void> {
    const endMs = performance.now() + this.#deadlineMs;
    for (;;) {
      this.#interrupted.throwIfAborted();
      try {
        await attempt();
        return;
      } catch (error) {
        if (performance.now() > endMs) {
          throw new Error(`${what}: not within ${this.#deadlineMs} ms: ${String(error)}`, { cause: error });
        }
        await delay(RETRY_DELAY_MS);
      }
    }
  }
}

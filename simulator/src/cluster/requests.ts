import type { NodeHost } from '@drakkar/framework';
import { hasErrorCode, isDrakkarError } from '@drakkar/raftio';
import type { EventKind } from '../world/coverage.js';
import { HostDownError, type VirtualHost } from './virtual-host.js';
import { type World, tell } from './world.js';

const EXPORT_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

/** What an operator asks a host for now and then. It may come to nothing, but not without a cause. */
export class Requests {
  readonly #world: World;
  #exports = 0;

  constructor(world: World) {
    this.#world = world;
  }

  snapshot(host: VirtualHost, clusterID: number): void {
    void this.#ask(host, 'snapshot requested', (nodeHost) => nodeHost.requestSnapshot(clusterID));
  }

  compaction(host: VirtualHost, clusterID: number): void {
    const nodeID = host.replicas.get(clusterID)?.nodeID ?? 0;
    void this.#ask(host, 'compaction requested', async (nodeHost) => {
      const { completed } = await nodeHost.requestCompaction(clusterID, nodeID);
      await completed;
    });
  }

  /** Resolves to the folder of the export; `undefined`: there is none. */
  async export(host: VirtualHost, clusterID: number): Promise<string | undefined> {
    this.#exports += 1;
    const dir = `/export-${clusterID}-${this.#exports}`;
    const exported = await this.#ask(host, 'snapshot exported', (nodeHost) =>
      nodeHost.exportSnapshot(clusterID, dir, { timeoutMs: EXPORT_TIMEOUT_MS }),
    );
    if (exported === undefined) return undefined;
    tell(this.#world, host.name, `has exported group ${clusterID} at ${exported.index} to ${dir}`);
    return dir;
  }

  /** Stops a replica, and starts it again after `forMs`, or as soon as `isDone` says that there are no faults more. */
  async restartReplica(
    host: VirtualHost,
    clusterID: number,
    { forMs, isDone }: { forMs: number; isDone: () => boolean },
  ): Promise<void> {
    const { scheduler } = this.#world;
    const { life } = host;
    const stopped = await this.#ask(host, 'replica restarted', async () => {
      await host.stopReplica(clusterID);
      return true;
    });
    if (stopped === undefined) return;
    const untilMs = scheduler.nowMs + forMs;
    while (!isDone() && scheduler.nowMs < untilMs)
      await scheduler.sleep(Math.min(POLL_MS, untilMs - scheduler.nowMs));
    // A process that was started meanwhile has started its replicas.
    if (host.life === life) await host.startReplica(clusterID);
    tell(this.#world, host.name, `group ${clusterID} runs again`);
  }

  async #ask<T>(
    host: VirtualHost,
    kind: EventKind,
    call: (nodeHost: NodeHost) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      const answer = await host.call(call);
      this.#world.coverage.count(kind);
      return answer;
    } catch (error) {
      if (!isExcused(host, error)) {
        const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
        this.#world.oracle.fail('no failure without a cause', `${host.name}: ${kind}: ${detail}`);
      }
      return undefined;
    }
  }
}

/** There may be nothing to be done yet, and what failed on a disk that fails is no wonder. */
function isExcused(host: VirtualHost, error: unknown): boolean {
  if (error instanceof HostDownError || hasErrorCode(error, 'ERR_REJECTED')) return true;
  if (host.disk.hasFailed || host.isSuspect) return true;
  return isDrakkarError(error) && error.retry !== 'never';
}

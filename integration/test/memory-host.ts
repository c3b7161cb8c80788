import { join } from 'node:path';
import { MemoryHub, MemoryLogDB, MemoryPlace, MemoryRPC } from '@drakkar/conformance';
import {
  type HostListener,
  type ILoggerFactory,
  LoggerFactoryID,
  NodeHost,
  type NodeHostConfigInput,
  silentLoggerFactory,
} from '@drakkar/framework';
import {
  type LogDBFactory,
  LogDBFactoryID,
  type RaftRPCConfig,
  type ChunkSinkFactory,
  RaftRPCFactoryID,
  type RaftState,
  type RequestHandler,
  type Update,
} from '@drakkar/raftio';
import type { Workshop } from './support.js';

/** A LogDB that tells what it is asked, and says that a save is durable when the test wants it to. */
export class ObservedLogDB extends MemoryLogDB {
  readonly calls: string[] = [];
  /** From now on the promises of saves stay pending, though what they save is stored. */
  holding = false;
  /** Makes saves fail without the LogDB being fenced. */
  failure: Error | undefined;
  closed = false;
  readonly #held: (() => void)[] = [];

  get heldCount(): number {
    return this.#held.length;
  }

  release(): void {
    this.holding = false;
    for (const resolve of this.#held.splice(0)) resolve();
  }

  override async saveRaftState(updates: readonly Update[]): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    this.calls.push(`save ${updates.map(({ clusterID, nodeID }) => `${clusterID}/${nodeID}`).join(' ')}`);
    const held = this.holding ? new Promise<void>((resolve) => this.#held.push(resolve)) : undefined;
    await super.saveRaftState(updates);
    await held;
  }

  override async readRaftState(
    clusterID: number,
    nodeID: number,
    lastIndex: number,
  ): Promise<RaftState | undefined> {
    this.calls.push(`read ${clusterID}/${nodeID}`);
    return await super.readRaftState(clusterID, nodeID, lastIndex);
  }

  override async close(): Promise<void> {
    this.closed = true;
    await super.close();
  }
}

export const MEMORY_ADDRESS = 'memory-1:1000';

export interface MemoryHost {
  host: NodeHost;
  logDB: ObservedLogDB;
}

/** A host whose LogDB and transport are in memory. */
export async function openMemoryHost(
  workshop: Workshop,
  place = new MemoryPlace(),
  more: Partial<NodeHostConfigInput> = {},
  events: HostListener = {},
  parts: { loggers?: ILoggerFactory; openLogDB?: LogDBFactory } = {},
): Promise<MemoryHost> {
  const hub = new MemoryHub();
  const logDB = new ObservedLogDB(place);
  const host = await NodeHost.create(
    {
      raftAddress: MEMORY_ADDRESS,
      nodeHostDir: join(await workshop.dir(), 'memory'),
      rttMillisecond: 10,
      ...more,
    },
    {
      events,
      overrides: (container) => {
        container.bind(LoggerFactoryID).toConstantValue(parts.loggers ?? silentLoggerFactory);
        container.bind(LogDBFactoryID).toConstantValue(parts.openLogDB ?? (() => Promise.resolve(logDB)));
        container
          .bind(RaftRPCFactoryID)
          .toConstantValue((config: RaftRPCConfig, handler: RequestHandler, sinks: ChunkSinkFactory) => {
            return new MemoryRPC(hub, config, handler, sinks);
          });
      },
    },
  );
  return { host, logDB };
}

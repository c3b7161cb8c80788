import { makeEntry } from '../../raftpb/entry.js';
import {
  type MessageBatch,
  MessageType,
  type SnapshotChunk,
  emptyMembership,
  makeMessage,
} from '../../raftpb/types.js';
import type {
  ArrivalHandler,
  ChunkSinkFactory,
  IChunkSink,
  IRaftRPC,
  MemberCheck,
  MutualTLSConfig,
  RaftRPCConfig,
  RequestHandler,
} from '../../rpc.js';
import type { PeerIdentity } from '../../peer-identity.js';
import { freePort } from './ports.js';

export interface Warning {
  message: string;
  details: Record<string, unknown>;
}

export interface TestHost {
  rpc: IRaftRPC;
  address: string;
  port: number;
  received: MessageBatch[];
  /** Whom each batch came from, as the transport has it. */
  senders: (PeerIdentity | undefined)[];
  warnings: Warning[];
}

export interface HostOptions<Options> {
  /** Bound instead of a free port on 127.0.0.1. */
  address?: string;
  host?: string;
  /** What it says it is, when not the address that it is bound to. */
  raftAddress?: string;
  options?: Options;
  mutualTLS?: MutualTLSConfig | undefined;
  sendBufferBytes?: number;
  requestHandler?: RequestHandler;
  chunkSinkFactory?: ChunkSinkFactory;
  onArriving?: ArrivalHandler;
  isMember?: MemberCheck;
}

const NO_SNAPSHOTS: ChunkSinkFactory = () => {
  throw new Error('no snapshot is expected');
};

/** What a transport package exports to make one in code. */
export type CreateTransport<Options> = (
  config: RaftRPCConfig,
  requestHandler: RequestHandler,
  chunkSinkFactory: ChunkSinkFactory,
  options?: Options,
) => IRaftRPC;

/** Makes transports of one kind and stops them all. */
export class TestHosts<Options> {
  readonly #create: CreateTransport<Options>;
  readonly #hosts: TestHost[] = [];

  constructor(create: CreateTransport<Options>) {
    this.#create = create;
  }

  /** A transport that is not started. */
  async make(options: HostOptions<Options> = {}): Promise<TestHost> {
    const address = options.address ?? `${options.host ?? '127.0.0.1'}:${await freePort()}`;
    const received: MessageBatch[] = [];
    const senders: (PeerIdentity | undefined)[] = [];
    const warnings: Warning[] = [];
    const rpc = this.#create(
      {
        raftAddress: options.raftAddress ?? address,
        listenAddress: address,
        mutualTLS: options.mutualTLS,
        sendBufferBytes: options.sendBufferBytes ?? 64 * 1024 * 1024,
        onWarning: (message, details) => {
          warnings.push({ message, details });
        },
        ...(options.onArriving === undefined ? {} : { onArriving: options.onArriving }),
        ...(options.isMember === undefined ? {} : { isMember: options.isMember }),
      },
      options.requestHandler ??
        ((batch, sender) => {
          received.push(batch);
          senders.push(sender);
        }),
      options.chunkSinkFactory ?? NO_SNAPSHOTS,
      options.options,
    );
    const host = { rpc, address, port: Number(/[0-9]+$/.exec(address)?.[0]), received, senders, warnings };
    this.#hosts.push(host);
    return host;
  }

  async start(options: HostOptions<Options> = {}): Promise<TestHost> {
    const host = await this.make(options);
    await host.rpc.start();
    return host;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#hosts.splice(0).map((host) => host.rpc.stop()));
  }
}

/** Waits until the condition holds; throws at the deadline. */
export async function until(what: string, condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Whether the promise is settled once everything that is ready to run has run. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  const turn = new Promise((resolve) => setImmediate(resolve)).then(() => pending);
  return (await Promise.race([promise.catch(() => undefined), turn])) !== pending;
}

/** Whether it settles in that time, in which this process has had its turns, however busy the machine is. */
export async function settlesWithin(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let hasSettled = false;
  const settle = (): void => {
    hasSettled = true;
  };
  promise.then(settle, settle);
  const endMs = performance.now() + timeoutMs;
  for (let turns = 0; !hasSettled && (turns < timeoutMs / 4 || performance.now() < endMs); turns++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return hasSettled;
}

/**
 * Fails unless `run` takes no longer than that, once in some attempts: a machine may be busy in one of them, and what waits
 * for something else takes longer in all.
 */
export async function takesAtMost(limitMs: number, run: () => Promise<unknown>): Promise<void> {
  const tookMs: number[] = [];
  for (let attempt = 0; attempt < 5; attempt++) {
    const startMs = performance.now();
    await run();
    tookMs.push(Math.round(performance.now() - startMs));
    if ((tookMs.at(-1) ?? 0) <= limitMs) return;
  }
  throw new Error(`took ${tookMs.join(', ')} ms, and should take ${limitMs} at most`);
}

export const never = new AbortController().signal;

/** A batch of one message with one entry; `term` numbers it. */
export function numberedBatch(term: number, payload: Uint8Array = new Uint8Array(0)): MessageBatch {
  const entries = payload.length === 0 ? [] : [makeEntry({ term, index: 1, cmd: payload })];
  return {
    requests: [makeMessage({ type: MessageType.Replicate, from: 1, to: 2, clusterID: 3, term, entries })],
    deploymentID: 1,
    sourceAddress: '127.0.0.1:1',
    binVer: 210,
  };
}

export function termsOf(batches: readonly MessageBatch[]): (number | undefined)[] {
  return batches.map((batch) => batch.requests[0]?.term);
}

export function numberedChunk(chunkID: number, chunkCount: number, data: Uint8Array): SnapshotChunk {
  return {
    clusterID: 3,
    nodeID: 2,
    from: 1,
    chunkID,
    chunkSize: data.length,
    chunkCount,
    data,
    index: 100,
    term: 5,
    membership: emptyMembership(),
    filepath: 'snapshot-100',
    fileSize: data.length * chunkCount,
    deploymentID: 1,
    fileChunkID: chunkID,
    fileChunkCount: chunkCount,
    hasFileInfo: false,
    fileInfo: undefined,
    binVer: 210,
  };
}

/** A sink that keeps what it is given; `gate`, when set, decides about each chunk. */
export class RecordingSink implements IChunkSink {
  readonly chunks: SnapshotChunk[] = [];
  closes = 0;
  concurrent = 0;
  maxConcurrent = 0;
  gate: ((chunk: SnapshotChunk) => Promise<boolean>) | undefined;

  async addChunk(chunk: SnapshotChunk): Promise<boolean> {
    this.concurrent += 1;
    this.maxConcurrent = Math.max(this.maxConcurrent, this.concurrent);
    this.chunks.push(chunk);
    try {
      return this.gate === undefined ? true : await this.gate(chunk);
    } finally {
      this.concurrent -= 1;
    }
  }

  close(): void {
    this.closes += 1;
  }
}

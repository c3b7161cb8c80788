import {
  type ISnapshotConnection,
  type Snapshot,
  type SnapshotChunk,
  hasErrorCode,
  normalAddress,
} from '@drakkar/raftio';
import { ErrSnapshotNotSent, ErrSnapshotStopped } from '../../errors/snapshot.js';
import { messageOf } from '../../errors/inspect.js';
import type { IFileSystem } from '../../fs/file-system.js';
import type { ILogger } from '../../logging/logger.js';
import type { IClock } from '../../runtime/clock.js';
import { onAbort } from '../../runtime/on-abort.js';
import { type Place, Places } from '../../runtime/places.js';
import type { SessionFormat } from '../format/session-format.js';
import type { SnapshotLease, SnapshotStore } from '../store/snapshot-store.js';
import { BandwidthLimiter } from './bandwidth.js';
import { type StreamHead, chunksOf } from './chunks.js';
import { dragonboatChunksOf, dragonboatImageOf } from './dragonboat-chunks.js';
import { within } from './waiting.js';

export interface SnapshotSenderOptions {
  deploymentID: number;
  /** Streams at the same time; further ones wait for their turn. */
  maxStreams: number;
  /** Over all streams; 0 = unlimited. */
  bytesPerSecond: number;
  connectTimeoutMs: number;
  /** How long the other host may take no chunk before the stream is given up. */
  stallTimeoutMs: number;
}

export interface SnapshotSenderDependencies {
  connect: (target: string, signal: AbortSignal) => Promise<ISnapshotConnection>;
  fileSystem: IFileSystem;
  clock: IClock;
  logger: ILogger;
}

export interface SendSnapshot {
  store: SnapshotStore;
  /** As recorded. */
  snapshot: Snapshot;
  from: number;
  to: number;
  /** Raft address of the host of `to`. */
  target: string;
  signal: AbortSignal;
  /** Identity of the group and fingerprint of the settings, as in messages. */
  groupID?: number;
  settings?: number;
  /** The other host is one of Dragonboat v2.1.7: what makes client sessions into what it reads. */
  dragonboat?: SessionFormat | undefined;
}

export type SendOutcome =
  | { sent: true; sizeBytes: number; durationMs: number }
  /** ErrSnapshotNotSent, ErrSnapshotStopped, ErrSnapshotCorrupt, errors of the file system. */
  | { sent: false; sizeBytes: number; durationMs: number; error: Error };

/** A stream in which nothing moves for so long, or for half the time after which it ends, holds up no other. */
const MAX_PATIENCE_MS = 5_000;

const ignore = (): void => undefined;

/** How far an attempt has come, and the place that it holds meanwhile. */
interface Course {
  progress: { sizeBytes: number };
  place: Place;
}

/** One attempt. */
class Stream {
  readonly abort = new AbortController();
  /** All is sent, and the other host says next whether it has it. */
  isFinishing = false;
  /** The end of the attempt before this one, to the same node. */
  readonly before: Promise<void> | undefined;
  readonly ended: Promise<void>;
  /** The other host has said, by a message, that it has the snapshot. */
  readonly confirmed: Promise<void>;
  #end: () => void = ignore;
  #confirm: () => void = ignore;

  constructor(before: Promise<void> | undefined) {
    this.before = before;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    this.confirmed = new Promise((resolve) => (this.#confirm = resolve));
  }

  confirm(): void {
    this.#confirm();
  }

  end(): void {
    this.#end();
  }
}

/**
 * Sends snapshots to other hosts. Memory: a stream holds the chunk that is being sent, the next one, and what the
 * transport holds. The snapshot is not removed while it is being sent.
 */
export class SnapshotSender {
  readonly #options: SnapshotSenderOptions;
  readonly #deps: SnapshotSenderDependencies;
  readonly #bandwidth: BandwidthLimiter;
  readonly #places: Places;
  /** By group and node, the one that was asked for last. */
  readonly #streams = new Map<string, Stream>();
  /** By group and node, the one of which all is sent. */
  readonly #finishing = new Map<string, Stream>();
  readonly #running = new Set<Promise<SendOutcome>>();
  #stopped = false;

  constructor(options: SnapshotSenderOptions, deps: SnapshotSenderDependencies) {
    this.#options = options;
    this.#deps = deps;
    this.#bandwidth = new BandwidthLimiter(deps.clock, options.bytesPerSecond);
    const patienceMs = Math.min(MAX_PATIENCE_MS, options.stallTimeoutMs / 2);
    this.#places = new Places({ count: options.maxStreams, patienceMs, clock: deps.clock });
  }

  /** Streams under way, those that wait for their turn included. */
  get streamCount(): number {
    return this.#running.size;
  }

  /**
   * Sends a snapshot. An earlier one that is on its way to the same node is called off, unless the other host has all
   * of it already; in either case the new one waits for its end. Never rejects. `sent` says that the other host has
   * taken all of it, checked it, and made it durable.
   */
  send(request: SendSnapshot): Promise<SendOutcome> {
    const running = this.#send(request);
    this.#running.add(running);
    void running.then(() => this.#running.delete(running));
    return running;
  }

  /** Calls off the stream to a node that is no member any more. It then ends as one that was not sent. */
  callOff(clusterID: number, nodeID: number): void {
    this.#streams.get(keyOf(clusterID, nodeID))?.abort.abort();
  }

  /**
   * A host of Dragonboat says that a snapshot has arrived, and not which: the one to that node of which all is sent.
   * There is one at most.
   */
  confirm(clusterID: number, nodeID: number): void {
    this.#finishing.get(keyOf(clusterID, nodeID))?.confirm();
  }

  /** Calls every stream off and waits for them. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { abort } of this.#streams.values()) abort.abort();
    await Promise.all(this.#running);
  }

  async #send(request: SendSnapshot): Promise<SendOutcome> {
    const { store, to, signal } = request;
    const key = keyOf(store.clusterID, to);
    const before = this.#streams.get(key);
    if (before?.isFinishing === false) before.abort.abort();
    const stream = new Stream(before?.ended);
    const { abort } = stream;
    this.#streams.set(key, stream);
    const endWait = onAbort(signal, () => abort.abort(signal.reason));
    if (this.#stopped) abort.abort();
    const startedMs = this.#deps.clock.nowMs();
    const progress = { sizeBytes: 0 };
    const outcome = (): { sizeBytes: number; durationMs: number } => ({
      sizeBytes: progress.sizeBytes,
      durationMs: this.#deps.clock.nowMs() - startedMs,
    });
    try {
      await this.#sendInTurn({ ...request, signal: abort.signal }, stream, progress);
      return { sent: true, ...outcome() };
    } catch (error) {
      const reason = failureOf(error, request, abort.signal);
      this.#deps.logger.warn('a snapshot was not sent', { key, target: request.target, err: reason });
      return { sent: false, error: reason, ...outcome() };
    } finally {
      endWait();
      if (this.#streams.get(key) === stream) this.#streams.delete(key);
      stream.end();
    }
  }

  async #sendInTurn(request: SendSnapshot, stream: Stream, progress: { sizeBytes: number }): Promise<void> {
    // Leased before the wait: the snapshot that the core has decided on is the one that will be there.
    const lease = await request.store.lease(request.snapshot);
    try {
      await stream.before;
      const place = await this.#places.take(request.signal, normalAddress(request.target));
      try {
        await this.#connectAndSend(request, lease, stream, { progress, place });
      } finally {
        place.giveBack();
      }
    } finally {
      await lease.release();
    }
  }

  async #connectAndSend(
    request: SendSnapshot,
    lease: SnapshotLease,
    stream: Stream,
    course: Course,
  ): Promise<void> {
    const { target, signal } = request;
    const { connectTimeoutMs } = this.#options;
    const chunks = await this.#chunksOf(request, lease, course);
    try {
      const what = `connecting to ${target}`;
      const connecting = this.#deps.connect(target, signal);
      const limits = { clock: this.#deps.clock, signal, timeoutMs: connectTimeoutMs, what };
      const connection = await within(connecting, limits, (late) => late.close());
      try {
        course.place.moved();
        await this.#sendChunks(request, chunks, connection, course);
        await this.#finish(request, stream, connection);
      } finally {
        connection.close();
      }
    } finally {
      await chunks.return();
    }
  }

  async #finish(request: SendSnapshot, stream: Stream, connection: ISnapshotConnection): Promise<void> {
    stream.isFinishing = true;
    const key = keyOf(request.store.clusterID, request.to);
    this.#finishing.set(key, stream);
    try {
      await this.#awaitEnd(request, stream, connection);
    } finally {
      this.#finishing.delete(key);
    }
  }

  async #awaitEnd(request: SendSnapshot, stream: Stream, connection: ISnapshotConnection): Promise<void> {
    const { signal, dragonboat } = request;
    const timeoutMs = this.#options.stallTimeoutMs;
    const limits = { clock: this.#deps.clock, signal, timeoutMs, what: describe(request) };
    const finished = connection.finish();
    if (dragonboat === undefined) {
      await within(finished, limits);
      return;
    }
    // Its server says that all is well at the end of a call, whatever became of the snapshot.
    await within(Promise.race([finished, stream.confirmed]), limits);
    finished.catch(ignore);
    const what = `waiting for the message by which ${request.target} says that the snapshot arrived whole`;
    await within(stream.confirmed, { ...limits, what });
  }

  async #chunksOf(
    request: SendSnapshot,
    lease: SnapshotLease,
    { place }: Course,
  ): Promise<AsyncGenerator<SnapshotChunk, void, undefined>> {
    const { snapshot, from, to, store, groupID = 0, settings = 0, dragonboat, signal } = request;
    const { deploymentID } = this.#options;
    const { index, term, membership } = snapshot;
    const head: StreamHead = { clusterID: store.clusterID, from, to, index, term, membership, deploymentID };
    const { fileSystem } = this.#deps;
    if (dragonboat === undefined) return chunksOf(fileSystem, lease, { ...head, groupID, settings });
    const image = await dragonboatImageOf(lease, dragonboat, signal, () => place.moved());
    return dragonboatChunksOf(fileSystem, lease, head, image);
  }

  async #sendChunks(
    request: SendSnapshot,
    chunks: AsyncGenerator<SnapshotChunk, void, undefined>,
    connection: ISnapshotConnection,
    { progress, place }: Course,
  ): Promise<void> {
    const { signal } = request;
    const { stallTimeoutMs } = this.#options;
    const limits = { clock: this.#deps.clock, signal, timeoutMs: stallTimeoutMs, what: describe(request) };
    let next = chunks.next();
    for (;;) {
      const { value: chunk, done } = await next;
      if (done === true) break;
      next = chunks.next();
      next.catch(ignore);
      await this.#bandwidth.take(chunk.data.length, signal);
      await within(connection.sendSnapshotChunk(chunk), limits);
      progress.sizeBytes += chunk.data.length;
      place.moved();
    }
  }
}

function describe({ store, snapshot, to }: SendSnapshot): string {
  return `sending the snapshot at ${snapshot.index} of group ${store.clusterID} to node ${to}`;
}

function keyOf(clusterID: number, nodeID: number): string {
  return `${clusterID}-${nodeID}`;
}

function failureOf(error: unknown, request: SendSnapshot, signal: AbortSignal): Error {
  if (signal.aborted && !hasErrorCode(error, 'ERR_SNAPSHOT_STOPPED')) {
    return new ErrSnapshotStopped(`${describe(request)} was called off`, { cause: error });
  }
  const isOurs = ['ERR_SNAPSHOT_STOPPED', 'ERR_SNAPSHOT_CORRUPT', 'ERR_INCOMPATIBLE_DATA'].some((code) =>
    hasErrorCode(error, code),
  );
  if (isOurs) return error as Error;
  return new ErrSnapshotNotSent(`${describe(request)} at ${request.target} failed: ${messageOf(error)}`, {
    cause: error,
    details: { target: request.target },
  });
}

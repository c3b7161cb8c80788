import { type ISnapshotConnection, type Snapshot, hasErrorCode, normalAddress } from '@drakkar/raftio';
import { ErrSnapshotNotSent, ErrSnapshotStopped } from '../../errors/snapshot.js';
import { messageOf } from '../../errors/inspect.js';
import type { IFileSystem } from '../../fs/file-system.js';
import type { ILogger } from '../../logging/logger.js';
import type { IClock } from '../../runtime/clock.js';
import { onAbort } from '../../runtime/on-abort.js';
import { type Place, Places } from '../../runtime/places.js';
import type { SnapshotLease, SnapshotStore } from '../store/snapshot-store.js';
import { BandwidthLimiter } from './bandwidth.js';
import { type StreamHead, chunksOf } from './chunks.js';
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
  #end: () => void = ignore;

  constructor(before: Promise<void> | undefined) {
    this.before = before;
    this.ended = new Promise((resolve) => (this.#end = resolve));
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
    const what = `connecting to ${target}`;
    const connecting = this.#deps.connect(target, signal);
    const limits = { clock: this.#deps.clock, signal, timeoutMs: connectTimeoutMs, what };
    const connection = await within(connecting, limits, (late) => late.close());
    try {
      course.place.moved();
      await this.#sendChunks(request, lease, connection, course);
      stream.isFinishing = true;
      const finishing = { ...limits, timeoutMs: this.#options.stallTimeoutMs, what: describe(request) };
      await within(connection.finish(), finishing);
    } finally {
      connection.close();
    }
  }

  async #sendChunks(
    request: SendSnapshot,
    lease: SnapshotLease,
    connection: ISnapshotConnection,
    { progress, place }: Course,
  ): Promise<void> {
    const { snapshot, from, to, signal, store, groupID = 0, settings = 0 } = request;
    const { deploymentID, stallTimeoutMs } = this.#options;
    const { index, term, membership } = snapshot;
    const { clusterID } = store;
    const head: StreamHead = {
      clusterID,
      from,
      to,
      index,
      term,
      membership,
      deploymentID,
      groupID,
      settings,
    };
    const limits = { clock: this.#deps.clock, signal, timeoutMs: stallTimeoutMs, what: describe(request) };
    const chunks = chunksOf(this.#deps.fileSystem, lease, head);
    try {
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
    } finally {
      await chunks.return();
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

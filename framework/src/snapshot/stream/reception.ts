import {
  type IChunkSink,
  type Membership,
  SNAPSHOT_CHUNK_SIZE_BYTES,
  type Snapshot,
  type SnapshotChunk,
} from '@drakkar/raftio';
import { hasSystemCode, messageOf } from '../../errors/inspect.js';
import type { SpaceClaim } from '../../fs/disk-reserve.js';
import type { IFileSystem } from '../../fs/file-system.js';
import type { ILogger } from '../../logging/logger.js';
import type { IClock, Timer } from '../../runtime/clock.js';
import { type TemporaryFolder, checkIdentity } from '../store/folder.js';
import type { SnapshotStore } from '../store/snapshot-store.js';
import { IncomingFiles } from './incoming-files.js';
import { StreamCheck } from './stream-check.js';

/** What the first chunk of a stream says about it. */
export interface SnapshotOffer {
  clusterID: number;
  from: number;
  /** Node that the snapshot is for. */
  to: number;
  index: number;
  term: number;
  membership: Membership;
  /** Identity of the group and fingerprint of the settings, as in messages; 0: not said. */
  groupID: number;
  settings: number;
}

/** A snapshot that has arrived: whole, durable, not yet recorded. */
export interface ReceivedSnapshot {
  clusterID: number;
  from: number;
  to: number;
  snapshot: Snapshot;
  /** Whether the replica had the same snapshot before, so that its record may ask for it. */
  wasThere: boolean;
}

/** What a stream needs of its host. */
export interface ReceptionHost {
  readonly deploymentID: number;
  readonly idleTimeoutMs: number;
  readonly fileSystem: IFileSystem;
  readonly clock: IClock;
  readonly logger: ILogger;
  /** Whether the stream may go on, and where to; a string says why not. */
  admit(reception: Reception, offer: SnapshotOffer): SnapshotStore | string;
  /** Room for what the stream brings. @throws ErrDiskReserve */
  claim(sizeBytes: number, what: string): Promise<SpaceClaim>;
  /** There is no room for the stream. */
  noSpace(offer: SnapshotOffer, error: unknown): void;
  received(snapshot: ReceivedSnapshot): void | Promise<void>;
  /** Called once, when nothing is left of the stream but, maybe, a complete snapshot. */
  ended(reception: Reception): void;
}

/** One incoming stream. Whatever is wrong with it, it is dropped without a trace. */
export class Reception implements IChunkSink {
  readonly #host: ReceptionHost;
  #check: StreamCheck | undefined;
  #offer: SnapshotOffer | undefined;
  #folder: TemporaryFolder | undefined;
  #files: IncomingFiles | undefined;
  #claim: SpaceClaim | undefined;
  #idle: Timer | undefined;
  #movedMs: number;
  #isBusy = false;
  #isCompleting = false;
  #isComplete = false;
  /** Why no further chunk is taken. */
  #over: string | undefined;
  #ending: Promise<void> | undefined;
  #resolveEnded: () => void = () => undefined;
  /** Resolves when nothing is left of the stream but, maybe, a complete snapshot. */
  readonly ended: Promise<void>;

  constructor(host: ReceptionHost) {
    this.#host = host;
    this.#movedMs = host.clock.nowMs();
    this.ended = new Promise((resolve) => (this.#resolveEnded = resolve));
    this.#startIdleTimer();
  }

  /** `undefined` until the first chunk is there and is the beginning of a stream. */
  get offer(): SnapshotOffer | undefined {
    return this.#offer;
  }

  /** How long no chunk has come. */
  get stalledMs(): number {
    return this.#isBusy ? 0 : this.#host.clock.nowMs() - this.#movedMs;
  }

  /** Whether all of it has arrived, so that it is not called off any more. */
  get isCompleting(): boolean {
    return this.#isCompleting;
  }

  async addChunk(chunk: SnapshotChunk): Promise<boolean> {
    if (this.#isBusy) this.cancel('two chunks at a time');
    if (this.#over !== undefined) return false;
    this.#isBusy = true;
    this.#idle?.cancel();
    try {
      const problem = await this.#take(chunk);
      if (problem !== undefined) this.cancel(problem);
    } catch (error) {
      this.#isCompleting = false;
      if (this.#offer !== undefined && hasSystemCode(error, 'ENOSPC', 'EDQUOT')) {
        this.#host.noSpace(this.#offer, error);
      }
      this.cancel(messageOf(error), error);
    }
    this.#isBusy = false;
    this.#movedMs = this.#host.clock.nowMs();
    if (this.#isComplete || this.#over !== undefined) await this.#end();
    else this.#startIdleTimer();
    return this.#isComplete || this.#over === undefined;
  }

  close(): void {
    this.cancel('the stream was cut');
  }

  /** No further chunk is taken, and what has come is dropped, unless it was all of it. */
  cancel(reason: string, error?: unknown): void {
    if (this.#over !== undefined || this.#isComplete) return;
    this.#over = reason;
    this.#idle?.cancel();
    if (this.#offer !== undefined && !this.#isCompleting) {
      const { clusterID, from, to, index } = this.#offer;
      const fields = { clusterID, from, to, index, reason, ...(error === undefined ? {} : { err: error }) };
      this.#host.logger.warn('an incoming snapshot was dropped', fields);
    }
    if (!this.#isBusy) void this.#end();
  }

  /** @returns why the chunk is not taken */
  async #take(chunk: SnapshotChunk): Promise<string | undefined> {
    const check = this.#check ?? StreamCheck.start(chunk, this.#host.deploymentID);
    if (typeof check === 'string') return this.#refuse(chunk, check);
    const external = check.externalFile;
    const place = check.next(chunk);
    if (typeof place === 'string') return this.#refuse(chunk, place);
    const files = this.#files ?? (await this.#begin(chunk));
    if (typeof files === 'string') return this.#refuse(chunk, files);
    this.#check = check;
    if (this.#over !== undefined) return this.#over;
    await files.add(chunk, place, external);
    this.#claim?.wrote(chunk.data.length);
    if (this.#over !== undefined) return this.#over;
    if (external === undefined && place.isLastOfFile) {
      const problem = this.#checkDescription(check, files);
      if (problem !== undefined) return problem;
    }
    if (place.isLast) await this.#complete(chunk.membership, files);
    return undefined;
  }

  async #begin(chunk: SnapshotChunk): Promise<IncomingFiles | string> {
    const { clusterID, from, nodeID: to, index, term, membership } = chunk;
    const { groupID = 0, settings = 0 } = chunk;
    const offer = { clusterID, from, to, index, term, membership, groupID, settings };
    const store = this.#host.admit(this, offer);
    if (typeof store === 'string') return store;
    this.#offer = offer;
    this.#claim = await this.#host.claim(
      declaredBytes(chunk),
      `the snapshot at ${index} of group ${clusterID}`,
    );
    this.#folder = await store.newFolder(index, 'receiving');
    this.#files = new IncomingFiles(this.#host.fileSystem, this.#folder.path);
    return this.#files;
  }

  /** Streams that never began are of interest only to whoever looks for the reason. */
  #refuse(chunk: SnapshotChunk, reason: string): string {
    if (this.#offer === undefined) {
      const { clusterID, from, nodeID: to, index } = chunk;
      this.#host.logger.info('an incoming snapshot was refused', { clusterID, from, to, index, reason });
    }
    return reason;
  }

  #checkDescription(check: StreamCheck, files: IncomingFiles): string | undefined {
    if (files.verified === undefined || this.#offer === undefined) return 'the snapshot file is not complete';
    const { description } = files.verified;
    checkIdentity('the incoming snapshot', description, this.#offer);
    return check.expectFiles(description.files);
  }

  async #complete(membership: Membership, { verified }: IncomingFiles): Promise<void> {
    if (verified === undefined || this.#folder === undefined || this.#offer === undefined) return;
    this.#isCompleting = true;
    const { snapshot, wasThere } = await this.#folder.publish(
      verified.description,
      membership,
      verified.sizeBytes,
    );
    const { clusterID, from, to } = this.#offer;
    await this.#host.received({ clusterID, from, to, snapshot, wasThere });
    this.#isComplete = true;
  }

  #startIdleTimer(): void {
    this.#idle = this.#host.clock.setTimeout(() => {
      this.cancel(`no chunk came for ${this.#host.idleTimeoutMs} ms`);
    }, this.#host.idleTimeoutMs);
  }

  #end(): Promise<void> {
    this.#ending ??= this.#dispose();
    return this.#ending;
  }

  async #dispose(): Promise<void> {
    this.#idle?.cancel();
    this.#claim?.end();
    try {
      await this.#files?.close();
    } catch (error) {
      this.#host.logger.warn('a file of an incoming snapshot could not be closed', { err: error });
    }
    if (!this.#isComplete) await this.#folder?.discard();
    this.#host.ended(this);
    this.#resolveEnded();
  }
}

/** What the first chunk says that the stream will bring, at most. */
function declaredBytes({ fileSize, chunkCount, fileChunkCount }: SnapshotChunk): number {
  return fileSize + Math.max(0, chunkCount - fileChunkCount) * SNAPSHOT_CHUNK_SIZE_BYTES;
}

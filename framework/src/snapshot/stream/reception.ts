import {
  type IChunkSink,
  type Membership,
  SNAPSHOT_CHUNK_SIZE_BYTES,
  type Snapshot,
  type SnapshotChunk,
} from '@drakkar/raftio';
import { messageOf } from '../../errors/inspect.js';
import type { SpaceClaim } from '../../fs/disk-reserve.js';
import type { IFileSystem } from '../../fs/file-system.js';
import { storageProblemOf } from '../../fs/storage-problem.js';
import type { ILogger, LogFields } from '../../logging/logger.js';
import type { IClock, Timer } from '../../runtime/clock.js';
import { isDragonboatFile } from '../format/dragonboat-header.js';
import type { SessionFormat } from '../format/session-format.js';
import type { SenderCheck } from './sender-check.js';
import type { TemporaryFolder } from '../store/folder.js';
import type { SnapshotStore } from '../store/snapshot-store.js';
import type { Intake } from './intake.js';

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
  /** It is in the format of Dragonboat v2.1.7. */
  isFromDragonboat: boolean;
}

/** The replica that a snapshot is for. */
export interface SnapshotTarget {
  store: SnapshotStore;
  /** In a group whose members may be Dragonboat v2.1.7: what reads the client sessions in snapshots of those. */
  dragonboat?: SessionFormat | undefined;
}

/** A snapshot that has arrived: whole, durable, not yet recorded. */
export interface ReceivedSnapshot {
  clusterID: number;
  from: number;
  to: number;
  snapshot: Snapshot;
  /** Whether the replica had the same snapshot before, so that its record may ask for it. */
  wasThere: boolean;
  /** Whether it came in the format of Dragonboat v2.1.7, whose hosts want to be told that they succeeded. */
  isFromDragonboat: boolean;
}

/** What a stream needs of its host. */
export interface ReceptionHost {
  readonly idleTimeoutMs: number;
  readonly fileSystem: IFileSystem;
  readonly clock: IClock;
  readonly logger: ILogger;
  /** What takes a stream with that first chunk; a string says what is wrong with it. */
  intakeOf(first: SnapshotChunk): Intake | string;
  /** Whether the stream may go on, and where to; a string says why not. */
  admit(reception: Reception, offer: SnapshotOffer): SnapshotTarget | string;
  /** Room for what the stream brings. @throws ErrDiskReserve */
  claim(sizeBytes: number, what: string): Promise<SpaceClaim>;
  /** There is no room for the stream, or the disk, or the process, is in another way unable to take it. */
  diskFailed(offer: SnapshotOffer, error: unknown): void;
  received(snapshot: ReceivedSnapshot): void | Promise<void>;
  /** Called once, when nothing is left of the stream but, maybe, a complete snapshot. */
  ended(reception: Reception): void;
}

/** One incoming stream. Whatever is wrong with it, it is dropped without a trace. */
export class Reception implements IChunkSink {
  readonly #host: ReceptionHost;
  readonly #isQuiet: boolean;
  #intake: Intake | undefined;
  #offer: SnapshotOffer | undefined;
  #folder: TemporaryFolder | undefined;
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
  /** Whether who sends it is whom it says. */
  readonly isSender: SenderCheck;

  /** @param isQuiet whether it is logged only at the most detailed level when the stream is not taken */
  constructor(host: ReceptionHost, isSender?: SenderCheck, isQuiet = false) {
    this.#host = host;
    this.isSender = isSender;
    this.#isQuiet = isQuiet;
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

  /** Whether no further chunk is taken: it is complete, or was dropped. */
  get isOver(): boolean {
    return this.#isComplete || this.#over !== undefined;
  }

  /** Whether all of it has arrived, so that it is not called off any more. */
  get isCompleting(): boolean {
    return this.#isCompleting;
  }

  async addChunk(chunk: SnapshotChunk): Promise<boolean> {
    if (this.#isBusy) this.cancel('two chunks at a time');
    if (this.isOver) return false;
    this.#isBusy = true;
    this.#idle?.cancel();
    try {
      const problem = await this.#take(chunk);
      if (problem !== undefined) this.cancel(problem);
    } catch (error) {
      this.#isCompleting = false;
      if (this.#offer !== undefined && storageProblemOf(error) !== undefined) {
        this.#host.diskFailed(this.#offer, error);
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
      this.#log('warn', 'an incoming snapshot was dropped', fields);
    }
    if (!this.#isBusy) void this.#end();
  }

  /** @returns why the chunk is not taken */
  async #take(chunk: SnapshotChunk): Promise<string | undefined> {
    const intake = this.#intake ?? this.#host.intakeOf(chunk);
    if (typeof intake === 'string') return this.#refuse(chunk, intake);
    const problem =
      intake.check(chunk) ?? (this.#intake === undefined ? await this.#begin(chunk, intake) : undefined);
    if (problem !== undefined) return this.#refuse(chunk, problem);
    if (this.#over !== undefined) return this.#over;
    const fault = await intake.add(chunk);
    if (fault !== undefined) return fault;
    this.#claim?.wrote(chunk.data.length);
    if (this.#over !== undefined) return this.#over;
    if (intake.isWhole) await this.#complete(chunk.membership, intake);
    return undefined;
  }

  /** @returns why the stream is not taken */
  async #begin(chunk: SnapshotChunk, intake: Intake): Promise<string | undefined> {
    const offer = offerOf(chunk);
    const target = this.#host.admit(this, offer);
    if (typeof target === 'string') return target;
    this.#offer = offer;
    const { clusterID, index } = offer;
    const what = `the snapshot at ${index} of group ${clusterID}`;
    this.#claim = await this.#host.claim(declaredBytes(chunk), what);
    const { store, dragonboat } = target;
    this.#folder = await store.newFolder(index, 'receiving');
    this.#intake = intake;
    const { fileSystem, clock } = this.#host;
    await intake.begin({ fileSystem, clock, folder: this.#folder.path, expected: offer, dragonboat });
    return undefined;
  }

  /** Streams that never began are of interest only when the reason is sought. */
  #refuse(chunk: SnapshotChunk, reason: string): string {
    if (this.#offer === undefined) {
      const { clusterID, from, nodeID: to, index } = chunk;
      const fields = { clusterID, from, to, index, reason };
      if (isOfDragonboat(chunk)) this.#log('warn', 'a snapshot of Dragonboat was refused', fields);
      else this.#log('info', 'an incoming snapshot was refused', fields);
    }
    return reason;
  }

  #log(level: 'warn' | 'info', message: string, fields: LogFields): void {
    this.#host.logger[this.#isQuiet ? 'debug' : level](message, fields);
  }

  async #complete(membership: Membership, intake: Intake): Promise<void> {
    if (this.#folder === undefined || this.#offer === undefined) return;
    this.#isCompleting = true;
    const { description, sizeBytes } = await intake.finish();
    const { snapshot, wasThere } = await this.#folder.publish(description, membership, sizeBytes);
    const { clusterID, from, to, isFromDragonboat } = this.#offer;
    await this.#host.received({ clusterID, from, to, snapshot, wasThere, isFromDragonboat });
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
      await this.#intake?.close();
    } catch (error) {
      this.#host.logger.warn('a file of an incoming snapshot could not be closed', { err: error });
    }
    if (!this.#isComplete) await this.#folder?.discard();
    this.#host.ended(this);
    this.#resolveEnded();
  }
}

/** Whether a stream that begins with this chunk is one of Dragonboat v2.1.7. */
export function isOfDragonboat({ data, chunkID }: SnapshotChunk): boolean {
  return chunkID === 0 && isDragonboatFile(data);
}

function offerOf(chunk: SnapshotChunk): SnapshotOffer {
  const { clusterID, from, nodeID: to, index, term, membership, groupID = 0, settings = 0 } = chunk;
  const isFromDragonboat = isOfDragonboat(chunk);
  return { clusterID, from, to, index, term, membership, groupID, settings, isFromDragonboat };
}

/** What the first chunk says that the stream will bring, at most. */
function declaredBytes({ fileSize, chunkCount, fileChunkCount }: SnapshotChunk): number {
  return fileSize + Math.max(0, chunkCount - fileChunkCount) * SNAPSHOT_CHUNK_SIZE_BYTES;
}

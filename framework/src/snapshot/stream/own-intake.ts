import type { SnapshotChunk } from '@drakkar/raftio';
import type { ExternalFile } from '../format/description.js';
import { type Expected, checkIdentity } from '../store/folder.js';
import { IncomingFiles } from './incoming-files.js';
import type { Intake, IntakePlace, TakenSnapshot } from './intake.js';
import { type ChunkPlace, StreamCheck } from './stream-check.js';

/** Takes a stream of files in our own format. */
export class OwnIntake implements Intake {
  readonly #check: StreamCheck;
  #files: IncomingFiles | undefined;
  #expected: Expected | undefined;
  #place: ChunkPlace | undefined;
  #external: ExternalFile | undefined;

  private constructor(check: StreamCheck) {
    this.#check = check;
  }

  /** @returns what is wrong with the first chunk */
  static start(first: SnapshotChunk, deploymentID: number): OwnIntake | string {
    const check = StreamCheck.start(first, deploymentID);
    return typeof check === 'string' ? check : new OwnIntake(check);
  }

  get isWhole(): boolean {
    return this.#place?.isLast === true;
  }

  check(chunk: SnapshotChunk): string | undefined {
    const external = this.#check.externalFile;
    const place = this.#check.next(chunk);
    if (typeof place === 'string') return place;
    this.#external = external;
    this.#place = place;
    return undefined;
  }

  begin({ fileSystem, folder, expected }: IntakePlace): Promise<void> {
    this.#files = new IncomingFiles(fileSystem, folder);
    this.#expected = expected;
    return Promise.resolve();
  }

  async add(chunk: SnapshotChunk): Promise<string | undefined> {
    if (this.#files === undefined || this.#place === undefined) return 'the stream has not begun';
    await this.#files.add(chunk, this.#place, this.#external);
    return this.#external === undefined && this.#place.isLastOfFile ? this.#checkDescription() : undefined;
  }

  #checkDescription(): string | undefined {
    const verified = this.#files?.verified;
    if (verified === undefined || this.#expected === undefined) return 'the snapshot file is not complete';
    checkIdentity('the incoming snapshot', verified.description, this.#expected);
    return this.#check.expectFiles(verified.description.files);
  }

  finish(): Promise<TakenSnapshot> {
    const verified = this.#files?.verified;
    if (verified === undefined) return Promise.reject(new Error('the snapshot file is not complete'));
    return Promise.resolve(verified);
  }

  async close(): Promise<void> {
    await this.#files?.close();
  }
}

import { BIN_VER, type SnapshotChunk, encodeMembership } from '@drakkar/raftio';

const CONSTANT = [
  'clusterID',
  'nodeID',
  'from',
  'index',
  'term',
  'chunkCount',
  'deploymentID',
  'binVer',
] as const;

/** What all chunks of a stream have in common, whatever the format of the files: who, what, and their numbers. */
export class StreamHeadCheck {
  readonly #head: SnapshotChunk;
  readonly #membership: Uint8Array;
  #chunkID = 0;

  private constructor(first: SnapshotChunk) {
    this.#head = { ...first, data: new Uint8Array(0) };
    this.#membership = encodeMembership(first.membership);
  }

  /** @returns what is wrong with the first chunk of a stream, or the check of all that follow, the first included */
  static start(first: SnapshotChunk, deploymentID: number): StreamHeadCheck | string {
    if (first.binVer !== BIN_VER) return `binVer ${first.binVer}, not ${BIN_VER}`;
    if (first.deploymentID !== deploymentID) return `deployment ${first.deploymentID}, not ${deploymentID}`;
    for (const field of ['clusterID', 'nodeID', 'from', 'index', 'term', 'chunkCount'] as const) {
      const least = field === 'clusterID' ? 0 : 1;
      if (!Number.isSafeInteger(first[field]) || first[field] < least) return `${field} ${first[field]}`;
    }
    if (!Number.isSafeInteger(first.fileSize) || first.fileSize < 1) return `fileSize ${first.fileSize}`;
    if (first.from === first.nodeID) return `from node ${first.from} to itself`;
    if (first.chunkCount < first.fileChunkCount) return `chunkCount ${first.chunkCount}`;
    return new StreamHeadCheck(first);
  }

  get chunkCount(): number {
    return this.#head.chunkCount;
  }

  /** Whether the chunk that comes next is the last one. */
  get isLast(): boolean {
    return this.#chunkID === this.#head.chunkCount - 1;
  }

  /** Chunks that are still to come. */
  get remaining(): number {
    return this.#head.chunkCount - this.#chunkID;
  }

  problemOf(chunk: SnapshotChunk): string | undefined {
    for (const field of CONSTANT) {
      if (chunk[field] !== this.#head[field]) return `${field} ${chunk[field]}, not ${this.#head[field]}`;
    }
    if (Buffer.compare(encodeMembership(chunk.membership), this.#membership) !== 0) {
      return 'another membership than in the first chunk';
    }
    return chunk.chunkID === this.#chunkID ? undefined : `chunkID ${chunk.chunkID}, not ${this.#chunkID}`;
  }

  /** The chunk was in its place: the next one may come. */
  taken(): void {
    this.#chunkID++;
  }
}

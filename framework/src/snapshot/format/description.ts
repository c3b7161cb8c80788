import { type Membership, type SnapshotFile, decodeSnapshot, encodeSnapshot } from '@drakkar/raftio';
import { ErrInvalidOption } from '../../errors/request.js';
import { messageOf } from '../../errors/inspect.js';
import { corrupt } from './corrupt.js';

/*
 * The description section makes a snapshot complete without its record in the LogDB: whose it is, where in the log
 * it stands, and what its external files must be. Little-endian:
 *
 *   u64 clusterID     u32 number of external files     for each: u32 CRC-32 of its content
 *   a raftpb Snapshot: index, term, membership, files (filepath is the name within the snapshot's folder)
 */
const FIXED_BYTES = 12;
/** Bound of the section; what exceeds it would be metadata of external files. */
export const MAX_DESCRIPTION_BYTES = 16 * 1024 * 1024;

/** Name of an external file in its snapshot's folder. */
export function externalFileName(fileID: number): string {
  return `external-file-${fileID}`;
}

export interface ExternalFile {
  /** Name in the snapshot's folder. */
  name: string;
  fileID: number;
  sizeBytes: number;
  /** CRC-32 of the whole content. */
  checksum: number;
  metadata: Uint8Array;
}

export interface SnapshotDescription {
  clusterID: number;
  index: number;
  term: number;
  /** As it was when the snapshot was made; the record of an imported snapshot may have another. */
  membership: Membership;
  files: ExternalFile[];
}

export function encodeDescription(description: SnapshotDescription): Uint8Array {
  const { clusterID, index, term, membership, files } = description;
  const record = encodeSnapshot({
    filepath: '',
    fileSize: 0,
    index,
    term,
    membership,
    files: files.map(({ name, sizeBytes, fileID, metadata }): SnapshotFile => ({
      filepath: name,
      fileSize: sizeBytes,
      fileID,
      metadata,
    })),
  });
  const bytes = new Uint8Array(FIXED_BYTES + 4 * files.length + record.length);
  if (bytes.length > MAX_DESCRIPTION_BYTES) {
    throw new ErrInvalidOption(
      `the metadata of a snapshot's external files has more than ${MAX_DESCRIPTION_BYTES} bytes in all`,
    );
  }
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(clusterID), true);
  view.setUint32(8, files.length, true);
  files.forEach((file, i) => view.setUint32(FIXED_BYTES + 4 * i, file.checksum, true));
  bytes.set(record, FIXED_BYTES + 4 * files.length);
  return bytes;
}

/** @param offset where in the file at `path` the section begins, for the error */
export function decodeDescription(bytes: Uint8Array, path: string, offset: number): SnapshotDescription {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const count = view.getUint32(8, true);
    const record = decodeSnapshot(bytes.subarray(FIXED_BYTES + 4 * count));
    if (record.files.length !== count) throw new Error('the counts of files differ');
    checkNames(record.files);
    return {
      clusterID: Number(view.getBigUint64(0, true)),
      index: record.index,
      term: record.term,
      membership: record.membership,
      files: record.files.map(({ filepath, fileSize, fileID, metadata }, i) => ({
        name: filepath,
        fileID,
        sizeBytes: fileSize,
        checksum: view.getUint32(FIXED_BYTES + 4 * i, true),
        metadata,
      })),
    };
  } catch (error) {
    throw corrupt(path, offset, `the description can't be read (${messageOf(error)})`, error);
  }
}

/** A description may come from another host, and its names become paths here. */
function checkNames(files: readonly SnapshotFile[]): void {
  files.forEach(({ filepath, fileID }, i) => {
    if (filepath !== externalFileName(fileID))
      throw new Error('a file with another name than its id gives it');
    if (i > 0 && fileID <= (files[i - 1]?.fileID ?? 0)) throw new Error('the files are not in order');
  });
}

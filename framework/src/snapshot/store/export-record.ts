import { join } from 'node:path';
import { type Membership, type Uint64, toUint64 } from '@drakkar/raftio';
import { ErrIncompatibleData } from '../../errors/host.js';
import { ErrInvalidOption } from '../../errors/request.js';
import { messageOf } from '../../errors/inspect.js';
import type { IFileSystem } from '../../fs/file-system.js';
import { openSealedJSON, sealJSON } from '../../fs/sealed-json.js';
import { corrupt } from '../format/corrupt.js';

/*
 * An exported snapshot is a folder that needs nothing else:
 *
 *   snapshot.data       as in the store
 *   external-file-7     its external files
 *   export.json         this record: where it comes from, and the membership in force; written last
 */
export const EXPORT_FILE_NAME = 'export.json';
const EXPORT_FORMAT = 1;

/** Where an exported snapshot comes from. */
export interface SnapshotOrigin {
  deploymentID: number;
  /** Of the hard settings: a deployment with others would read the client sessions differently. */
  hardHash: Uint64;
  nodeID: number;
  raftAddress: string;
}

/** What the export says of itself, beside what its snapshot file says. */
export interface ExportRecord extends SnapshotOrigin {
  clusterID: number;
  index: number;
  term: number;
  /** Of the recorded snapshot; if that was imported, its file has the membership from before. */
  membership: Membership;
  /** Checksum over the snapshot file, by which the two are known to belong together. */
  payloadChecksum: number;
  /** Of the snapshot file and its external files. */
  sizeBytes: number;
}

export function encodeExportRecord(record: ExportRecord): Uint8Array {
  const { membership, hardHash, ...plain } = record;
  const { configChangeID, addresses, observers, removed } = membership;
  return sealJSON({
    format: EXPORT_FORMAT,
    ...plain,
    hardHash: String(hardHash),
    configChangeID,
    addresses: [...addresses],
    observers: [...observers],
    removed: [...removed.keys()],
  });
}

function fieldsToRecord(fields: Record<string, unknown>): ExportRecord {
  const number = (key: string): number => {
    const value = fields[key];
    if (!Number.isSafeInteger(value)) throw new Error(`${key} is ${String(value)}`);
    return value as number;
  };
  const list = (key: string): unknown[] => {
    const value = fields[key];
    if (!Array.isArray(value)) throw new Error(`${key} is no list`);
    return value as unknown[];
  };
  return {
    clusterID: number('clusterID'),
    index: number('index'),
    term: number('term'),
    deploymentID: number('deploymentID'),
    hardHash: toUint64(BigInt(String(fields['hardHash']))),
    nodeID: number('nodeID'),
    raftAddress: String(fields['raftAddress']),
    payloadChecksum: number('payloadChecksum'),
    sizeBytes: number('sizeBytes'),
    membership: {
      configChangeID: number('configChangeID'),
      addresses: new Map(list('addresses') as [number, string][]),
      observers: new Map(list('observers') as [number, string][]),
      removed: new Map(list('removed').map((nodeID) => [nodeID as number, true])),
    },
  };
}

/** Throws ErrSnapshotCorrupt when the content is not what was written, ErrIncompatibleData when it is of the future. */
function decodeExportRecord(data: Uint8Array, path: string): ExportRecord {
  const fields = openSealedJSON(data);
  if (fields === undefined) throw corrupt(path, 0, 'wrong checksum');
  if (fields['format'] !== EXPORT_FORMAT) {
    throw new ErrIncompatibleData(
      `${path} is of format ${String(fields['format'])}, but this release reads format ${EXPORT_FORMAT}; use the release that wrote it, or a later one`,
      { details: { path } },
    );
  }
  try {
    return fieldsToRecord(fields);
  } catch (error) {
    throw corrupt(path, 0, `it can't be read (${messageOf(error)})`, error);
  }
}

/**
 * What the export in `dir` says of itself.
 *
 * @throws ErrInvalidOption when nothing was exported there; ErrSnapshotCorrupt, ErrIncompatibleData
 */
export async function readExportRecord(fs: IFileSystem, dir: string): Promise<ExportRecord> {
  if ((await fs.stat(dir))?.kind !== 'directory') {
    throw new ErrInvalidOption(`there is no exported snapshot in ${dir}: it is no folder`);
  }
  const path = join(dir, EXPORT_FILE_NAME);
  if ((await fs.stat(path))?.kind !== 'file') {
    throw corrupt(path, 0, 'it is missing, so this is no exported snapshot, or only a part of one');
  }
  return decodeExportRecord(await fs.readFile(path), path);
}

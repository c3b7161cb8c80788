import { join } from 'node:path';
import { type Membership, type Uint64, toUint64 } from '@drakkar/raftio';
import { ErrIncompatibleData } from '../../errors/host.js';
import { ErrInvalidOption } from '../../errors/request.js';
import { messageOf } from '../../errors/inspect.js';
import type { IFileSystem } from '../../fs/file-system.js';
import { type SealedFields, openSealedJSON, sealJSON } from '../../fs/sealed-json.js';
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
/** Above this no record of an export comes near. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;
const MAX_UINT32 = 2 ** 32 - 1;

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

/** Fields of a sealed record, which anybody can seal: each is checked to be what an export writes. */
class RecordFields {
  readonly #fields: SealedFields;

  constructor(fields: SealedFields) {
    this.#fields = fields;
  }

  /** An unsigned integer. */
  number(key: string, least = 0, most = Number.MAX_SAFE_INTEGER): number {
    const value = this.#fields[key];
    if (!isInteger(value) || value < least || value > most) throw new Error(`${key} is ${String(value)}`);
    return value;
  }

  text(key: string): string {
    const value = this.#fields[key];
    if (typeof value !== 'string') throw new Error(`${key} is no text`);
    return value;
  }

  /** Node ids, each once. */
  nodeIDs(key: string): Map<number, true> {
    return this.#map(key, (entry) => [entry, true]);
  }

  /** Addresses by node id. */
  addresses(key: string): Map<number, string> {
    return this.#map(key, (entry) => {
      const [nodeID, address, ...rest] = Array.isArray(entry) ? (entry as unknown[]) : [];
      if (typeof address !== 'string' || rest.length > 0)
        throw new Error(`${key} has a member without address`);
      return [nodeID, address];
    });
  }

  #map<T>(key: string, pairOf: (entry: unknown) => [nodeID: unknown, value: T]): Map<number, T> {
    const list = this.#fields[key];
    if (!Array.isArray(list)) throw new Error(`${key} is no list`);
    const found = new Map<number, T>();
    for (const entry of list as unknown[]) {
      const [nodeID, value] = pairOf(entry);
      if (!isInteger(nodeID) || nodeID < 0) throw new Error(`${key} has a node ${String(nodeID)}`);
      if (found.has(nodeID)) throw new Error(`${key} has node ${nodeID} twice`);
      found.set(nodeID, value);
    }
    return found;
  }
}

const isInteger = (value: unknown): value is number => Number.isSafeInteger(value);

function fieldsToRecord(fields: RecordFields): ExportRecord {
  return {
    clusterID: fields.number('clusterID', 1),
    index: fields.number('index', 1),
    term: fields.number('term', 1),
    deploymentID: fields.number('deploymentID'),
    hardHash: toUint64(BigInt(fields.text('hardHash'))),
    nodeID: fields.number('nodeID', 1),
    raftAddress: fields.text('raftAddress'),
    payloadChecksum: fields.number('payloadChecksum', 0, MAX_UINT32),
    sizeBytes: fields.number('sizeBytes'),
    membership: {
      configChangeID: fields.number('configChangeID'),
      addresses: fields.addresses('addresses'),
      observers: fields.addresses('observers'),
      removed: fields.nodeIDs('removed'),
    },
  };
}

/** Throws ErrSnapshotCorrupt when the content is not what was written, ErrIncompatibleData when it is of the future. */
export function decodeExportRecord(data: Uint8Array, path: string): ExportRecord {
  const fields = openSealedJSON(data);
  if (fields === undefined) throw corrupt(path, 0, 'wrong checksum');
  if (fields['format'] !== EXPORT_FORMAT) {
    throw new ErrIncompatibleData(
      `${path} is of format ${String(fields['format'])}, but this release reads format ${EXPORT_FORMAT}; use the release that wrote it, or a later one`,
      { details: { path } },
    );
  }
  try {
    return fieldsToRecord(new RecordFields(fields));
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
  const found = await fs.stat(path);
  if (found?.kind !== 'file') {
    throw corrupt(path, 0, 'it is missing, so this is no exported snapshot, or only a part of one');
  }
  if (found.sizeBytes > MAX_RECORD_BYTES) throw corrupt(path, 0, `it has ${found.sizeBytes} bytes`);
  return decodeExportRecord(await fs.readFile(path), path);
}

import { type RaftDataStatus, toUint64 } from '@drakkar/raftio';
import { ErrDataDirCorrupt, ErrIncompatibleData } from '../errors/host.js';
import { openSealedJSON, sealJSON } from '../fs/sealed-json.js';

/** Whose a data directory is, and what wrote it. */
export interface DataDirStatus extends RaftDataStatus {
  deploymentId: number;
  /** Name of the LogDB's adapter. */
  logdb: string;
  /** Random; the same in both folders of a host that has a WAL folder apart. */
  hostId: string;
  /** Whether the LogDB has a WAL folder apart. */
  separateWal: boolean;
}

/** Version of this file's own format. */
const STATUS_FORMAT = 1;

export function encodeStatus(status: DataDirStatus): Uint8Array {
  return sealJSON({
    format: STATUS_FORMAT,
    address: status.address,
    binVer: status.binVer,
    hardHash: String(status.hardHash),
    deploymentId: status.deploymentId,
    logdb: status.logdb,
    hostId: status.hostId,
    separateWal: status.separateWal,
  });
}

/** Throws ErrDataDirCorrupt when the content is not what was written, ErrIncompatibleData when it is of the future. */
export function decodeStatus(data: Uint8Array, path: string): DataDirStatus {
  const fields = openSealedJSON(data);
  if (fields === undefined) {
    throw new ErrDataDirCorrupt(
      `${path} is damaged: its checksum does not match. Restore it from a copy, or remove the whole data directory and let this host's replicas be added anew`,
      { details: { path } },
    );
  }
  if (fields['format'] !== STATUS_FORMAT) {
    throw new ErrIncompatibleData(
      `${path} is of format ${String(fields['format'])}, but this release reads format ${STATUS_FORMAT}; use the release that wrote it, or a later one`,
      { details: { path } },
    );
  }
  return {
    address: String(fields['address']),
    binVer: Number(fields['binVer']),
    hardHash: toUint64(BigInt(String(fields['hardHash']))),
    deploymentId: Number(fields['deploymentId']),
    logdb: String(fields['logdb']),
    hostId: String(fields['hostId']),
    separateWal: fields['separateWal'] === true,
  };
}

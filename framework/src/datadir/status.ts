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
  /** How often the LogDB was replaced by another; says in which folders the present one lies. */
  generation: number;
}

/**
 * Versions of this file's own format. The second has `generation`, and is written only where that is not 0: a release
 * that does not know it would make an empty log in the place of one that was replaced.
 */
const STATUS_FORMAT = 1;
const STATUS_FORMAT_WITH_GENERATION = 2;

export function encodeStatus(status: DataDirStatus): Uint8Array {
  return sealJSON({
    format: status.generation === 0 ? STATUS_FORMAT : STATUS_FORMAT_WITH_GENERATION,
    address: status.address,
    binVer: status.binVer,
    hardHash: String(status.hardHash),
    deploymentId: status.deploymentId,
    logdb: status.logdb,
    hostId: status.hostId,
    separateWal: status.separateWal,
    ...(status.generation === 0 ? {} : { generation: status.generation }),
  });
}

/** Throws ErrDataDirCorrupt when the content is not what was written, ErrIncompatibleData when it is of the future. */
export function decodeStatus(data: Uint8Array, path: string): DataDirStatus {
  const fields = openSealedJSON(data);
  if (fields === undefined) {
    throw new ErrDataDirCorrupt(
      `${path} is damaged: its checksum does not match. Restore it from a copy, or remove the whole data directory and let this host's replicas be added again`,
      { details: { path } },
    );
  }
  if (fields['format'] !== STATUS_FORMAT && fields['format'] !== STATUS_FORMAT_WITH_GENERATION) {
    throw new ErrIncompatibleData(
      `${path} is of format ${String(fields['format'])}, but this release reads formats ${STATUS_FORMAT} and ${STATUS_FORMAT_WITH_GENERATION}; use the release that wrote it, or a later one`,
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
    generation: Number(fields['generation'] ?? 0),
  };
}

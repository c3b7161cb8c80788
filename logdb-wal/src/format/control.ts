import { crc32 } from 'node:zlib';
import { getUint64, putUint64, viewOf } from './integers.js';
import { FORMAT_VERSION } from './segment-header.js';

/** What must be there, so that a lost file is noticed. Written when a segment begins, and before one is removed. */
export interface Control {
  logID: Uint8Array;
  /** Segments below it are removed. */
  first: number;
  /** A segment that has been begun. */
  active: number;
  /** A frame whose sync has returned. */
  proven: number;
}

const CONTROL_BYTES = 64;
const MAGIC = 0x4c43_575f_4b41_5244n;

export function encodeControl({ logID, first, active, proven }: Control): Uint8Array {
  const bytes = new Uint8Array(CONTROL_BYTES);
  const view = viewOf(bytes);
  view.setBigUint64(4, MAGIC, true);
  view.setUint32(12, FORMAT_VERSION, true);
  bytes.set(logID, 16);
  view.setUint32(32, first, true);
  view.setUint32(36, active, true);
  putUint64(view, 40, proven);
  view.setUint32(0, crc32(bytes.subarray(4)), true);
  return bytes;
}

/** The control record, or why there is none. */
export function decodeControl(bytes: Uint8Array): Control | { problem: string } {
  const view = viewOf(bytes);
  if (bytes.length !== CONTROL_BYTES)
    return { problem: `it has ${bytes.length} bytes, not ${CONTROL_BYTES}` };
  if (view.getUint32(0, true) !== crc32(bytes.subarray(4))) return { problem: 'its checksum does not match' };
  if (view.getBigUint64(4, true) !== MAGIC) return { problem: 'it does not begin as a control file does' };
  const version = view.getUint32(12, true);
  if (version !== FORMAT_VERSION) return { problem: `it has format version ${version}, which is not known` };
  return {
    logID: bytes.slice(16, 32),
    first: view.getUint32(32, true),
    active: view.getUint32(36, true),
    proven: getUint64(view, 40),
  };
}

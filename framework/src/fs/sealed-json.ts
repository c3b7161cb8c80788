import { createHash } from 'node:crypto';
import { isPlainObject } from '../runtime/plain-object.js';

/** The fields of a small record on disk. */
export type SealedFields = Record<string, unknown>;

/** Of the fields, whatever their order. */
function checksumOf(fields: Readonly<SealedFields>): string {
  return createHash('sha256')
    .update(JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex');
}

/** Content of a file that people can read, and that shows when it was changed. */
export function sealJSON(fields: Readonly<SealedFields>): Uint8Array {
  return new TextEncoder().encode(
    `${JSON.stringify({ ...fields, checksum: checksumOf(fields) }, null, 2)}\n`,
  );
}

/** The fields, without the checksum; `undefined` when the content is not what `sealJSON` made. */
export function openSealedJSON(data: Uint8Array): SealedFields | undefined {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
    if (!isPlainObject(parsed)) return undefined;
    const { checksum, ...fields } = parsed;
    return checksum === checksumOf(fields) ? fields : undefined;
  } catch {
    // No JSON, or nested so deeply that the stack has no room for its checksum.
    return undefined;
  }
}

import { ByteReader } from './byte-reader.js';

/** Fields of the edits that a manifest is made of. */
const Tag = Object.freeze({
  comparator: 1,
  logNumber: 2,
  nextFileNumber: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  prevLogNumber: 9,
} as const);

/** Which files hold the data. */
export interface Version {
  /** Log files with this number or a greater one count, and the one with `prevLogNumber`. */
  logNumber: number;
  prevLogNumber: number;
  /** Size in bytes of each table, by its number. */
  tables: Map<number, number>;
}

function applyEdit(version: Version, edit: Buffer): void {
  const reader = new ByteReader(edit);
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    if (tag === Tag.comparator) reader.skipString();
    else if (tag === Tag.logNumber) version.logNumber = reader.varint();
    else if (tag === Tag.prevLogNumber) version.prevLogNumber = reader.varint();
    else if (tag === Tag.nextFileNumber || tag === Tag.lastSequence) reader.varint();
    else if (tag === Tag.compactPointer) {
      reader.varint();
      reader.skipString();
    } else if (tag === Tag.deletedFile) {
      reader.varint();
      version.tables.delete(reader.varint());
    } else if (tag === Tag.newFile) {
      reader.varint();
      const number = reader.varint();
      version.tables.set(number, reader.varint());
      reader.skipString();
      reader.skipString();
    } else throw new RangeError(`field ${tag} is not known`);
  }
}

/** What all edits of a manifest come to. Throws RangeError when one is not what LevelDB writes. */
export function readVersion(edits: readonly Buffer[]): Version {
  const version: Version = { logNumber: 0, prevLogNumber: 0, tables: new Map() };
  for (const edit of edits) applyEdit(version, edit);
  return version;
}

import { crc32 } from 'node:zlib';
import { SNAPSHOT_HEADER_BLOCK_BYTES } from '@drakkar/raftio';
import fc from 'fast-check';
import { compressSync } from 'snappy';
import { BLOCK_HEADER_BYTES, MAX_BLOCK_BYTES, Section, putBlockHeader } from '../format/block.js';
import { type ExternalFile, encodeDescription, externalFileName } from '../format/description.js';
import { FORMAT_VERSION, type FileHeader, encodeHeaderBlock } from '../format/header-block.js';
import { CLUSTER_ID, membershipOf, noise, pattern } from './fixture.js';

/** A block as somebody would make it who knows the format, whether it makes sense or not. */
interface MadeBlock {
  section: number;
  isCompressed: boolean;
  rawBytes: number;
  stored: Uint8Array;
}

/** A snapshot file before its checksums are known. */
export interface MadeFile {
  header: Partial<FileHeader>;
  blocks: MadeBlock[];
}

export const INDEX = 1000;
export const TERM = 3;

const plain = (section: number, stored: Uint8Array): MadeBlock => ({
  section,
  isCompressed: false,
  rawBytes: stored.length,
  stored,
});

/** Content of the external files of `soundFile`, by id from 1 on. */
export const externalContents = (count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => noise(40 + i, 30 * i));

export const externalMetadata = (i: number): Uint8Array => noise(i, 5);

const fileInfo = (content: Uint8Array, i: number): ExternalFile => ({
  name: externalFileName(i + 1),
  fileID: i + 1,
  sizeBytes: content.length,
  checksum: crc32(content),
  metadata: externalMetadata(i),
});

/** A file with nothing wrong. */
export function soundFile(dataBlocks: number, isCompressed: boolean, externalFiles: number): MadeFile {
  const data = Array.from({ length: dataBlocks }, (_, i): MadeBlock => {
    const raw = pattern(i + 1, 9_000 + i).fill(i, 0, 4_000);
    if (!isCompressed) return plain(Section.Data, raw);
    return { section: Section.Data, isCompressed, rawBytes: raw.length, stored: compressSync(raw) };
  });
  const description = encodeDescription({
    clusterID: CLUSTER_ID,
    index: INDEX,
    term: TERM,
    membership: membershipOf(1, 2, 3),
    files: externalContents(externalFiles).map(fileInfo),
  });
  return {
    header: {},
    blocks: [plain(Section.Sessions, noise(7, 100)), ...data, plain(Section.Description, description)],
  };
}

/** The bytes of the file. Every checksum in it is right. */
export function assemble({ header, blocks }: MadeFile): Uint8Array {
  const pieces: Uint8Array[] = [];
  let offset = SNAPSHOT_HEADER_BLOCK_BYTES;
  let descriptionOffset: number | undefined;
  let payloadChecksum = 0;
  const sizes = new Map<number, number>();
  for (const { section, isCompressed, rawBytes, stored } of blocks) {
    if (section === Section.Description) descriptionOffset ??= offset;
    sizes.set(section, (sizes.get(section) ?? 0) + rawBytes);
    const whole = new Uint8Array(BLOCK_HEADER_BYTES + stored.length);
    whole.set(stored, BLOCK_HEADER_BYTES);
    putBlockHeader(
      whole,
      { section: section as Section, compressed: isCompressed, rawBytes },
      stored,
      offset,
    );
    payloadChecksum = crc32(whole, payloadChecksum);
    offset += whole.length;
    pieces.push(whole);
  }
  const block = encodeHeaderBlock({
    sessionSize: sizes.get(Section.Sessions) ?? 0,
    dataStoreSize: sizes.get(Section.Data) ?? 0,
    unreliableTime: 1n,
    gitVersion: 'drakkar',
    version: FORMAT_VERSION,
    descriptionOffset: descriptionOffset ?? offset,
    payloadChecksum,
    ...header,
  });
  return Buffer.concat([block, ...pieces]);
}

const hugeNumbers = [0, 1, 1_023, 1_024, 2 ** 31, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
const uint32s = [0, 1, 2, 255, MAX_BLOCK_BYTES, MAX_BLOCK_BYTES + 1, 2 ** 31, 2 ** 32 - 1];

type Change = (file: MadeFile) => void;

/** Changes one block, chosen by a number. */
const ofBlock = (at: number, change: (block: MadeBlock, all: MadeBlock[], i: number) => void): Change => {
  return ({ blocks }) => {
    const i = at % Math.max(1, blocks.length);
    const block = blocks[i];
    if (block !== undefined) change(block, blocks, i);
  };
};

/** An uncompressed block that is changed inside keeps its size right. */
function restore(block: MadeBlock, stored: Uint8Array): void {
  block.stored = stored;
  if (!block.isCompressed) block.rawBytes = stored.length;
}

const place = fc.nat(20);
const byte = fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff);
const changes: fc.Arbitrary<Change>[] = [
  fc
    .record({
      field: fc.constantFrom('sessionSize', 'dataStoreSize', 'descriptionOffset', 'version'),
      value: fc.constantFrom(...hugeNumbers),
    })
    .map(({ field, value }) => ({ header }) => {
      header[field as 'sessionSize'] = field === 'version' ? value % 2 ** 32 : value;
    }),
  place.map((at) => ofBlock(at, (_, all, i) => void all.splice(i, 1))),
  place.map((at) => ofBlock(at, (block, all, i) => void all.splice(i, 0, { ...block }))),
  place.map((at) => ofBlock(at, (block, all, i) => void all.push(...all.splice(i, 1), { ...block }))),
  fc.tuple(place, fc.nat(4)).map(([at, section]) => ofBlock(at, (block) => (block.section = section))),
  place.map((at) => ofBlock(at, (block) => (block.isCompressed = !block.isCompressed))),
  fc
    .tuple(place, fc.constantFrom(...uint32s))
    .map(([at, size]) => ofBlock(at, (block) => (block.rawBytes = size))),
  fc
    .tuple(place, fc.nat(200))
    .map(([at, size]) => ofBlock(at, (block) => restore(block, block.stored.slice(0, size)))),
  fc.tuple(place, fc.nat(10_000), byte).map(([at, offset, value]) =>
    ofBlock(at, (block) => {
      const stored = block.stored.slice();
      stored[offset % Math.max(1, stored.length)] = value;
      restore(block, stored);
    }),
  ),
  // The description, which says most: its last block.
  fc
    .array(fc.tuple(fc.nat(400), byte), { minLength: 1, maxLength: 4 })
    .map((bytes): Change => ({ blocks }) => {
      const block = blocks.findLast(({ section }) => section === Section.Description);
      if (block === undefined) return;
      const stored = block.stored.slice();
      for (const [at, value] of bytes) stored[at % Math.max(1, stored.length)] = value;
      restore(block, stored);
    }),
];

/** Files that were sound until somebody changed them who then made all the checksums right. */
export const hostileFiles = fc
  .record({
    dataBlocks: fc.nat(3),
    isCompressed: fc.boolean(),
    externalFiles: fc.nat(2),
    made: fc.array(fc.oneof(...changes), { maxLength: 3 }),
  })
  .map(({ dataBlocks, isCompressed, externalFiles, made }) => {
    const file = soundFile(dataBlocks, isCompressed, externalFiles);
    for (const change of made) change(file);
    const hasCompressed = file.blocks.some((block) => block.isCompressed);
    return { bytes: assemble(file), externalFiles, isSound: made.length === 0, isCompressed: hasCompressed };
  });

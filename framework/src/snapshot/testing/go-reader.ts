/*
 * A reader of what hosts of Dragonboat v2.1.7 read, written from the description of its formats alone: nothing of the
 * code under test is used, so that a mistake there is not made here as well.
 */

/** By field number, every value in the order in which they came: varints as bigint, the rest as bytes. */
type Fields = Map<number, (bigint | Buffer)[]>;

function readVarint(bytes: Buffer, at: number): [value: bigint, end: number] {
  let value = 0n;
  for (let i = at, shift = 0n; ; i++, shift += 7n) {
    const byte = bytes[i];
    if (byte === undefined) throw new Error('a varint is cut');
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return [value, i + 1];
  }
}

const FIXED32_BYTES = 4;

function readFields(bytes: Buffer): Fields {
  const fields: Fields = new Map();
  for (let at = 0; at < bytes.length;) {
    const [tag, start] = readVarint(bytes, at);
    let value: bigint | Buffer;
    if ((tag & 7n) === 0n) {
      [value, at] = readVarint(bytes, start);
    } else if ((tag & 7n) === 2n) {
      const [size, from] = readVarint(bytes, start);
      at = from + Number(size);
      value = bytes.subarray(from, at);
    } else if ((tag & 7n) === 5n) {
      at = start + FIXED32_BYTES;
      value = bytes.subarray(start, at);
    } else {
      throw new Error(`wire type ${tag & 7n}`);
    }
    if (at > bytes.length) throw new Error('a field is cut');
    const number = Number(tag >> 3n);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

function numberAt(fields: Fields, field: number): number {
  return Number(fields.get(field)?.at(-1) ?? 0);
}

function bytesAt(fields: Fields, field: number): Buffer {
  const value = fields.get(field)?.at(-1);
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}

function mapAt(fields: Fields, field: number): Record<string, string | number> {
  const pairs = (fields.get(field) ?? []).map((bytes) => {
    const pair = readFields(bytes as Buffer);
    const value = pair.get(2)?.[0] ?? 0n;
    return [
      String(pair.get(1)?.[0] ?? 0n),
      Buffer.isBuffer(value) ? value.toString() : Number(value),
    ] as const;
  });
  return Object.fromEntries(pairs);
}

export interface GoChunk {
  head: Record<string, number>;
  data: Buffer;
  filepath: string;
  membership: unknown;
  hasFileInfo: boolean;
  info: { filepath: string; fileSize: number; fileID: number; metadata: string } | undefined;
  /** Numbers of fields that Go does not know, and skips. */
  unknown: number[];
}

const CHUNK_FIELDS = {
  clusterID: 1,
  nodeID: 2,
  from: 3,
  chunkID: 4,
  chunkSize: 5,
  chunkCount: 6,
  index: 8,
  term: 9,
  fileSize: 13,
  deploymentID: 14,
  fileChunkID: 15,
  fileChunkCount: 16,
  binVer: 19,
};
const LAST_FIELD = 19;

export function readGoChunk(bytes: Buffer): GoChunk {
  const fields = readFields(bytes);
  const membership = readFields(bytesAt(fields, 10));
  const info = readFields(bytesAt(fields, 18));
  const hasFileInfo = numberAt(fields, 17) === 1;
  return {
    head: Object.fromEntries(
      Object.entries(CHUNK_FIELDS).map(([name, field]) => [name, numberAt(fields, field)]),
    ),
    data: bytesAt(fields, 7),
    filepath: bytesAt(fields, 12).toString(),
    membership: {
      configChangeID: numberAt(membership, 1),
      addresses: mapAt(membership, 2),
      removed: mapAt(membership, 3),
      observers: mapAt(membership, 4),
    },
    hasFileInfo,
    info: hasFileInfo
      ? {
          filepath: bytesAt(info, 2).toString(),
          fileSize: numberAt(info, 3),
          fileID: numberAt(info, 4),
          metadata: bytesAt(info, 5).toString('hex'),
        }
      : undefined,
    unknown: [...fields.keys()].filter((field) => field > LAST_FIELD || field === 11),
  };
}

/** CRC-32 (IEEE 802.3), bit by bit, as four bytes big-endian. */
function checksumOf(bytes: Buffer): string {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return ((crc ^ 0xffff_ffff) >>> 0).toString(16).padStart(8, '0');
}

export interface GoSession {
  clientID: string;
  respondedUpTo: string;
  /** In the order in which they stand there. */
  history: [seriesID: string, result: string][];
}

export interface GoFile {
  sessions: GoSession[];
  capacity: number;
  data: Buffer;
  gitVersion: string;
  unreliableTime: bigint;
}

function readSession(text: string): GoSession {
  const match = /^\{"ClientID":(\d+),"RespondedUpTo":(\d+),"History":\{(.*)\}\}$/.exec(text);
  if (match === null) throw new Error(`no session: ${text}`);
  const [, clientID = '', respondedUpTo = '', history = ''] = match;
  const pairs = history === '' ? [] : history.split(',');
  return {
    clientID,
    respondedUpTo,
    history: pairs.map((pair) => {
      const [id = '', result = ''] = pair.split(':');
      return [id.slice(1, -1), result];
    }),
  };
}

/** A snapshot file as Go reads it. Throws where Go would refuse it, or end. */
export function readGoFile(file: Buffer): GoFile {
  const size = Number(file.readBigUInt64LE());
  if (size > 1016) throw new Error(`a header of ${size} bytes`);
  const encoded = file.subarray(8, 8 + size);
  const header = readFields(encoded);
  const numbers = [...header.keys()];
  if (numbers.join() !== '1,2,3,4,5,6,7,8')
    throw new Error(`fields ${numbers.join()}, and Go writes them all`);
  if (numberAt(header, 7) !== 0 || numberAt(header, 8) !== 1) throw new Error('another checksum or version');
  const payload = file.subarray(1024);
  const [sessionSize, dataSize] = [numberAt(header, 1), numberAt(header, 2)];
  if (payload.length !== sessionSize + dataSize) throw new Error('the sizes do not add up');
  if (bytesAt(header, 6).toString('hex') !== checksumOf(payload)) throw new Error('the payload is damaged');
  // Go encodes the header again, without field 5, which is of 6 bytes.
  const at = encoded.indexOf(Buffer.concat([Buffer.of(0x2a, 4), bytesAt(header, 5)]));
  const bare = Buffer.concat([encoded.subarray(0, at), encoded.subarray(at + 6)]);
  if (at < 0 || bytesAt(header, 5).toString('hex') !== checksumOf(bare))
    throw new Error('the header is damaged');
  const sessions: GoSession[] = [];
  let offset = 16;
  for (let left = payload.readBigUInt64LE(8); left > 0n; left--) {
    const length = Number(payload.readBigUInt64LE(offset));
    sessions.push(readSession(payload.subarray(offset + 8, offset + 8 + length).toString()));
    offset += 8 + length;
  }
  if (offset !== sessionSize) throw new Error('the sessions do not end where they should');
  return {
    sessions,
    capacity: Number(payload.readBigUInt64LE()),
    data: payload.subarray(sessionSize),
    gitVersion: bytesAt(header, 4).toString(),
    unreliableTime: BigInt(numberAt(header, 3)),
  };
}

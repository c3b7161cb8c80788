/**
 * A second reader of colfer entries, which shares nothing with the codec: BigInt throughout, slow and plain. For
 * tests of what the codec writes.
 */
export interface ReferenceEntry {
  term: bigint;
  index: bigint;
  type: bigint;
  key: bigint;
  clientID: bigint;
  seriesID: bigint;
  respondedTo: bigint;
  /** In hex. */
  cmd: string;
}

const NAMES = ['term', 'index', 'type', 'key', 'clientID', 'seriesID', 'respondedTo'] as const;

export function decodeColferByReference(body: Uint8Array): ReferenceEntry {
  const bytes = [...body];
  const entry: ReferenceEntry = {
    term: 0n,
    index: 0n,
    type: 0n,
    key: 0n,
    clientID: 0n,
    seriesID: 0n,
    respondedTo: 0n,
    cmd: '',
  };
  const next = (): number => {
    const byte = bytes.shift();
    if (byte === undefined) throw new Error('cut');
    return byte;
  };
  const varint = (): bigint => {
    const byte = BigInt(next());
    return byte < 0x80n ? byte : (byte & 0x7fn) | (varint() << 7n);
  };
  const fixed = (): bigint => {
    let value = 0n;
    for (let i = 0; i < 8; i += 1) value = (value << 8n) | BigInt(next());
    return value;
  };
  for (let header = next(); header !== 0x7f; header = next()) {
    const name = NAMES[header & 0x7f];
    if (name !== undefined) entry[name] = header < 0x80 ? varint() : fixed();
    else if (header === 7) {
      const length = Number(varint());
      entry.cmd = Buffer.from(Array.from({ length }, next)).toString('hex');
    } else throw new Error(`no field ${header}`);
  }
  if (bytes.length > 0) throw new Error('bytes after the end');
  return entry;
}

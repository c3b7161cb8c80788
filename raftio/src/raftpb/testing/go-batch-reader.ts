import { type ReferenceEntry, decodeColferByReference } from './colfer-reference.js';

/*
 * A second reader of message batches in the form of Dragonboat v2.1.7, which shares nothing with the codec: every number
 * is a BigInt, every field must be one that v2.1.7 has, and each scalar must be there, as its encoder writes them all.
 */

export type GoMessage = Record<string, bigint | string | ReferenceEntry[]>;

export interface GoBatch {
  messages: GoMessage[];
  deploymentID: bigint;
  sourceAddress: string;
  binVer: bigint;
}

type Field = { number: number } & ({ value: bigint } | { bytes: Uint8Array });

const SCALARS = new Map([
  [1, 'type'],
  [2, 'to'],
  [3, 'from'],
  [4, 'clusterID'],
  [5, 'term'],
  [6, 'logTerm'],
  [7, 'logIndex'],
  [8, 'commit'],
  [9, 'reject'],
  [10, 'hint'],
  [13, 'hintHigh'],
]);
const ENTRIES = 11;
const SNAPSHOT = 12;

/** The fields of a message, in their order; throws for anything but varints and bytes. */
function fieldsOf(source: Uint8Array): Field[] {
  const fields: Field[] = [];
  let pos = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = source[pos++];
      if (byte === undefined) throw new Error('cut');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (pos < source.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    if ((tag & 7) === 0) {
      fields.push({ number, value: varint() });
    } else if ((tag & 7) === 2) {
      const length = Number(varint());
      if (pos + length > source.length) throw new Error('cut');
      fields.push({ number, bytes: source.subarray(pos, pos + length) });
      pos += length;
    } else {
      throw new Error(`field ${number} has wire type ${tag & 7}`);
    }
  }
  return fields;
}

function readMessage(source: Uint8Array): GoMessage {
  const entries: ReferenceEntry[] = [];
  const message: GoMessage = { entries };
  for (const field of fieldsOf(source)) {
    const name = SCALARS.get(field.number);
    if (name !== undefined && 'value' in field) message[name] = field.value;
    else if (field.number === ENTRIES && 'bytes' in field) entries.push(decodeColferByReference(field.bytes));
    else if (field.number === SNAPSHOT && 'bytes' in field)
      message['snapshot'] = Buffer.from(field.bytes).toString('hex');
    else throw new Error(`v2.1.7 has no such field in a message: ${field.number}`);
  }
  for (const name of [...SCALARS.values(), 'snapshot'])
    if (message[name] === undefined) throw new Error(`a message without ${name}`);
  return message;
}

export function readGoBatch(source: Uint8Array): GoBatch {
  const batch: GoBatch = { messages: [], deploymentID: 0n, sourceAddress: '', binVer: 0n };
  for (const field of fieldsOf(source)) {
    if (field.number === 1 && 'bytes' in field) batch.messages.push(readMessage(field.bytes));
    else if (field.number === 2 && 'value' in field) batch.deploymentID = field.value;
    else if (field.number === 3 && 'bytes' in field)
      batch.sourceAddress = Buffer.from(field.bytes).toString();
    else if (field.number === 4 && 'value' in field) batch.binVer = field.value;
    else throw new Error(`v2.1.7 has no such field in a batch: ${field.number}`);
  }
  return batch;
}

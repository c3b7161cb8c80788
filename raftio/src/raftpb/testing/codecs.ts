import fc from 'fast-check';
import { decodeSnapshotChunk, encodeSnapshotChunk } from '../chunk-codec.js';
import { decodeEntryBatch, encodeEntryBatch } from '../entry-codec.js';
import { decodeMessage, decodeMessageBatch, encodeMessage, encodeMessageBatch } from '../message-codec.js';
import * as records from '../record-codec.js';
import * as snapshots from '../snapshot-codec.js';
import * as arbitrary from './arbitraries.js';
import { type Plain, toPlain } from './reference.js';

/** A pair of functions under test, with its type hidden behind the plain form of values. */
export interface CodecCase {
  /** Name of the message in the schema. */
  name: string;
  /** Values in plain form, each with what our encoder makes of it. */
  samples: fc.Arbitrary<{ plain: Plain; encoded: Uint8Array }>;
  decodeToPlain: (bytes: Uint8Array) => Plain;
}

function codecCase<T>(
  name: string,
  values: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): CodecCase {
  return {
    name,
    samples: values.map((value) => ({ plain: toPlain(value), encoded: encode(value) })),
    decodeToPlain: (bytes) => toPlain(decode(bytes)),
  };
}

const entryBatch = fc.record({ entries: fc.array(arbitrary.entry, { maxLength: 6 }) });

export const CODECS: readonly CodecCase[] = [
  codecCase('MessageBatch', arbitrary.messageBatch, encodeMessageBatch, decodeMessageBatch),
  codecCase('Message', arbitrary.message, encodeMessage, decodeMessage),
  codecCase('EntryBatch', entryBatch, encodeEntryBatch, decodeEntryBatch),
  codecCase('State', arbitrary.state, records.encodeState, records.decodeState),
  codecCase('Bootstrap', arbitrary.bootstrap, records.encodeBootstrap, records.decodeBootstrap),
  codecCase(
    'RaftDataStatus',
    arbitrary.raftDataStatus,
    records.encodeRaftDataStatus,
    records.decodeRaftDataStatus,
  ),
  codecCase('ConfigChange', arbitrary.configChange, records.encodeConfigChange, records.decodeConfigChange),
  codecCase(
    'SnapshotHeader',
    arbitrary.snapshotHeader,
    records.encodeSnapshotHeader,
    records.decodeSnapshotHeader,
  ),
  codecCase(
    'SessionRecord',
    arbitrary.sessionRecord,
    records.encodeSessionRecord,
    records.decodeSessionRecord,
  ),
  codecCase('Membership', arbitrary.membership, snapshots.encodeMembership, snapshots.decodeMembership),
  codecCase(
    'SnapshotFile',
    arbitrary.snapshotFile,
    snapshots.encodeSnapshotFile,
    snapshots.decodeSnapshotFile,
  ),
  codecCase('Snapshot', arbitrary.snapshot, snapshots.encodeSnapshot, snapshots.decodeSnapshot),
  codecCase('SnapshotChunk', arbitrary.snapshotChunk, encodeSnapshotChunk, decodeSnapshotChunk),
];

import { describe, expect, it } from '@jest/globals';
import { decodeSnapshotChunk, encodeSnapshotChunk } from './chunk-codec.js';
import { decodeEntries, decodeEntryBatch, encodeEntries, encodeEntryBatch } from './entry-codec.js';
import { makeEntry } from './entry.js';
import { decodeMessage, decodeMessageBatch, encodeMessage, encodeMessageBatch } from './message-codec.js';
import * as records from './record-codec.js';
import * as snapshots from './snapshot-codec.js';
import { toPlain } from './testing/reference.js';
import { ConfigChangeType, MessageType, emptyMembership, makeMessage } from './types.js';
import { MAX_UINT64 } from './uint64.js';

/** Bytes written down by hand, by the rules of Go's generated code. Spaces are for the reader. */
function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s+/g, ''), 'hex');
}

interface Golden {
  name: string;
  /** As Go and version 0.1 write it. */
  bytes: string;
  /** As it is encoded here, when checksums make a difference. */
  written: string;
  encode: () => Uint8Array;
  decode: (bytes: Uint8Array) => unknown;
  value: unknown;
}

function golden<T>(
  name: string,
  value: T,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
  bytes: string,
  written: string = bytes,
): Golden {
  return { name, value, encode: () => encode(value), decode, bytes, written };
}

const ZERO_ENTRY = '0800 1000 1800 2000 2800 3000 3800';
const ZERO_SNAPSHOT = '1200 1800 2000 2800 3202 0800';
/** CRC-32 of an entry from its type on, by zlib. */
const ZERO_ENTRY_CHECKSUM = 'ad06 3d08ce22';
const ENTRY_CHECKSUM = 'ad06 12376471';
const ENTRY = `0805 10ac02 1801 20ffffffffffffffffff01 2801 30feffffffffffffffff01 3803 4203616263`;
const entry = () =>
  makeEntry({
    term: 5,
    index: 300,
    type: 1,
    key: MAX_UINT64,
    clientID: 1,
    seriesID: MAX_UINT64 - 1n,
    respondedTo: 3,
    cmd: Buffer.from('abc'),
  });
const membership = () => ({
  ...emptyMembership(),
  configChangeID: 1,
  addresses: new Map([
    [300, 'b'],
    [1, 'a1'],
  ]),
  removed: new Map([[9, true]]),
  observers: new Map([[2, '']]),
});
const MEMBERSHIP = '0801 1206 0801 1202 6131 1206 08ac02 1201 62 1a04 0809 1001 2204 0802 1200';
const file = { filepath: '/x', fileSize: 1, fileID: 2, metadata: new Uint8Array([7]) };
const FILE = '1202 2f78 1801 2002 2a01 07';

const VECTORS: Golden[] = [
  golden(
    'State',
    { term: 5, vote: 2, commit: 300 },
    records.encodeState,
    records.decodeState,
    '0805 1002 18ac02',
  ),
  golden(
    'the largest safe integer',
    { term: Number.MAX_SAFE_INTEGER, vote: 0, commit: 2 ** 32 },
    records.encodeState,
    records.decodeState,
    '08ffffffffffffff0f 1000 188080808010',
  ),
  golden(
    'a zero entry',
    [makeEntry()],
    encodeEntries,
    decodeEntries,
    `5a0e ${ZERO_ENTRY}`,
    `5a14 ${ZERO_ENTRY} ${ZERO_ENTRY_CHECKSUM}`,
  ),
  golden(
    'a block of entries',
    [entry(), makeEntry()],
    encodeEntries,
    decodeEntries,
    `5a26 ${ENTRY} 5a0e ${ZERO_ENTRY}`,
    `5a2c ${ENTRY} ${ENTRY_CHECKSUM} 5a14 ${ZERO_ENTRY} ${ZERO_ENTRY_CHECKSUM}`,
  ),
  golden(
    'EntryBatch',
    { entries: [makeEntry(), entry()] },
    encodeEntryBatch,
    decodeEntryBatch,
    `0a0e ${ZERO_ENTRY} 0a26 ${ENTRY}`,
    `0a14 ${ZERO_ENTRY} ${ZERO_ENTRY_CHECKSUM} 0a2c ${ENTRY} ${ENTRY_CHECKSUM}`,
  ),
  golden(
    'a zero message',
    makeMessage({ type: MessageType.LocalTick }),
    encodeMessage,
    decodeMessage,
    `0800 1000 1800 2000 2800 3000 3800 4000 4800 5000 620c ${ZERO_SNAPSHOT} 6800`,
  ),
  golden(
    'a message with entries and a snapshot',
    makeMessage({
      type: MessageType.InstallSnapshot,
      to: 2,
      from: 3,
      clusterID: 128,
      term: 5,
      logTerm: 4,
      logIndex: 299,
      commit: 7,
      reject: true,
      hint: 2n ** 53n,
      hintHigh: MAX_UINT64,
      entries: [entry()],
      snapshot: {
        filepath: '/s',
        fileSize: 9,
        index: 8,
        term: 4,
        membership: emptyMembership(),
        files: [file],
      },
    }),
    encodeMessage,
    decodeMessage,
    `0810 1002 1803 208001 2805 3004 38ab02 4007 4801 508080808080808010 5a26 ${ENTRY}
     621b 1202 2f73 1809 2008 2804 3202 0800 3a0b ${FILE} 68ffffffffffffffffff01`,
    `0810 1002 1803 208001 2805 3004 38ab02 4007 4801 508080808080808010 5a2c ${ENTRY} ${ENTRY_CHECKSUM}
     621b 1202 2f73 1809 2008 2804 3202 0800 3a0b ${FILE} 68ffffffffffffffffff01`,
  ),
  golden(
    'a message with the identity of its group',
    makeMessage({ type: MessageType.Heartbeat, to: 1, groupID: 2 ** 52 - 1, settings: 300 }),
    encodeMessage,
    decodeMessage,
    `0811 1001 1800 2000 2800 3000 3800 4000 4800 5000 620c ${ZERO_SNAPSHOT} 6800 f106ffffffffffff0f00
      f9062c01000000000000`,
  ),
  golden(
    'MessageBatch',
    {
      requests: [makeMessage({ type: MessageType.Heartbeat, to: 1 })],
      deploymentID: 1,
      sourceAddress: 'a1',
      binVer: 210,
    },
    encodeMessageBatch,
    decodeMessageBatch,
    `0a24 0811 1001 1800 2000 2800 3000 3800 4000 4800 5000 620c ${ZERO_SNAPSHOT} 6800 1001 1a02 6131 20d201`,
    `0a24 0811 1001 1800 2000 2800 3000 3800 4000 4800 5000 620c ${ZERO_SNAPSHOT} 6800 1001 1a02 6131 20d201
     ad06 0ae9404c`,
  ),
  golden(
    'MessageBatch with features',
    { requests: [], deploymentID: 1, sourceAddress: 'a1', binVer: 210, features: 0x4000_0001 },
    encodeMessageBatch,
    decodeMessageBatch,
    '1001 1a02 6131 20d201 a006 8180808004',
    '1001 1a02 6131 20d201 a006 8180808004 ad06 6d7b5da9',
  ),
  golden('Membership', membership(), snapshots.encodeMembership, snapshots.decodeMembership, MEMBERSHIP),
  golden('SnapshotFile', file, snapshots.encodeSnapshotFile, snapshots.decodeSnapshotFile, FILE),
  golden(
    'Snapshot',
    { filepath: '', fileSize: 0, index: 1, term: 2, membership: membership(), files: [] },
    snapshots.encodeSnapshot,
    snapshots.decodeSnapshot,
    `1200 1800 2001 2802 321e ${MEMBERSHIP}`,
  ),
  golden(
    'Bootstrap',
    { addresses: new Map([[1, 'a1']]), join: true },
    records.encodeBootstrap,
    records.decodeBootstrap,
    '0a06 0801 1202 6131 1001',
  ),
  golden(
    'Bootstrap with the identity of its group',
    { addresses: new Map(), join: true, groupID: 300 },
    records.encodeBootstrap,
    records.decodeBootstrap,
    '1001 f006 ac02',
  ),
  golden(
    'Bootstrap with the settings that its group began with',
    {
      addresses: new Map(),
      join: true,
      settings: { orderedConfigChange: true, lruMaxSessionCount: 300, isFinal: true },
    },
    records.encodeBootstrap,
    records.decodeBootstrap,
    '1001 fa06 07 0801 10ac02 1801',
  ),
  golden(
    'Bootstrap with what the replica has lost',
    { addresses: new Map(), join: true, lost: { index: 300, term: 7, leaderID: 2 } },
    records.encodeBootstrap,
    records.decodeBootstrap,
    '1001 8207 07 08ac02 1007 1802',
  ),
  golden(
    'RaftDataStatus',
    { address: 'a1', binVer: 210, hardHash: 1n << 63n },
    records.encodeRaftDataStatus,
    records.decodeRaftDataStatus,
    '0a02 6131 10d201 1880808080808080808001',
  ),
  golden(
    'ConfigChange',
    {
      configChangeID: 0,
      type: ConfigChangeType.AddObserver,
      nodeID: 3,
      address: 'a1',
      initialize: false,
    },
    records.encodeConfigChange,
    records.decodeConfigChange,
    '0800 1002 1803 2202 6131 2800',
  ),
  golden(
    'ConfigChange that raises the level',
    {
      configChangeID: 0,
      type: ConfigChangeType.RaiseLevel,
      nodeID: 0,
      address: '',
      initialize: false,
      level: 1,
      settings: { orderedConfigChange: true, lruMaxSessionCount: 300 },
    },
    records.encodeConfigChange,
    records.decodeConfigChange,
    '0800 1040 1800 2200 2800 a00601 b206 05 0801 10ac02',
  ),
  golden(
    'ConfigChange that sets one setting',
    {
      configChangeID: 0,
      type: ConfigChangeType.SetSettings,
      nodeID: 0,
      address: '',
      initialize: false,
      settings: { orderedConfigChange: false },
    },
    records.encodeConfigChange,
    records.decodeConfigChange,
    '0800 1041 1800 2200 2800 b206 02 0800',
  ),
  golden(
    'SnapshotHeader',
    {
      sessionSize: 1,
      dataStoreSize: 2,
      unreliableTime: 1_700_000_000_000_000_000n,
      gitVersion: '',
      headerChecksum: new Uint8Array([1, 2, 3, 4]),
      payloadChecksum: new Uint8Array(0),
      checksumType: 0,
      version: 2,
    },
    records.encodeSnapshotHeader,
    records.decodeSnapshotHeader,
    '0801 1002 188080a8b1e39fe7cb17 2200 2a0401020304 3800 4002',
  ),
  golden(
    'SessionRecord',
    { clusterID: 7, clientID: MAX_UINT64, seriesID: 1, respondedTo: 0 },
    records.encodeSessionRecord,
    records.decodeSessionRecord,
    '0807 10ffffffffffffffffff01 1801 2000',
  ),
  golden(
    'a zero SnapshotChunk',
    decodeSnapshotChunk(new Uint8Array(0)),
    encodeSnapshotChunk,
    decodeSnapshotChunk,
    `0800 1000 1800 2000 2800 3000 4000 4800 5202 0800 6200 6800 7000 7800 800100 880100
     920106 1200 1800 2000 980100`,
    `0800 1000 1800 2000 2800 3000 4000 4800 5202 0800 6200 6800 7000 7800 800100 880100
     920106 1200 1800 2000 980100 ad06 c5d3e9e1`,
  ),
];

describe('bytes as Go writes and reads them', () => {
  it.each(VECTORS)('encodes $name', ({ encode, written }) => {
    expect(Buffer.from(encode()).toString('hex')).toBe(hex(written).toString('hex'));
  });

  it.each(VECTORS)('decodes $name, with checksums and without', ({ decode, bytes, written, value }) => {
    expect(toPlain(decode(hex(bytes)))).toEqual(toPlain(value));
    expect(toPlain(decode(hex(written)))).toEqual(toPlain(value));
  });

  it('takes a cmd that is there but empty, as Go writes a slice that is not nil', () => {
    const [first] = decodeEntries(hex(`5a10 ${ZERO_ENTRY} 4200`));
    expect(first?.cmd).toEqual(new Uint8Array(0));
  });

  it('takes a zero snapshot for none, in whatever form it is written', () => {
    expect(decodeMessage(hex(`620c ${ZERO_SNAPSHOT}`)).snapshot).toBeUndefined();
    expect(decodeMessage(hex('6200')).snapshot).toBeUndefined();
    expect(decodeMessage(hex('620c 1200 1800 2001 2800 3202 0800')).snapshot?.index).toBe(1);
  });

  it('keeps a zero file of a chunk that says it has one', () => {
    expect(decodeSnapshotChunk(hex('880101 920100')).fileInfo).toEqual({
      filepath: '',
      fileSize: 0,
      fileID: 0,
      metadata: new Uint8Array(0),
    });
    expect(decodeSnapshotChunk(hex('880100 920100')).fileInfo).toBeUndefined();
  });

  it('lets the last of several values count', () => {
    expect(records.decodeState(hex('0801 0802 1003 1001'))).toEqual({ term: 2, vote: 1, commit: 0 });
    const twice = hex('0a06 0801 1202 6131 0a06 0801 1202 6132 0a02 0803');
    expect(records.decodeBootstrap(twice).addresses).toEqual(
      new Map([
        [1, 'a2'],
        [3, ''],
      ]),
    );
    expect(decodeMessage(hex('6202 2001 6202 2002')).snapshot?.index).toBe(2);
  });

  it('takes numbers that are longer than they need be', () => {
    expect(records.decodeState(hex('088100 10808000 188380808080808080 8000'))).toEqual({
      term: 1,
      vote: 0,
      commit: 3,
    });
    expect(records.decodeState(hex('888000 05')).term).toBe(5);
  });

  it('keeps a message type that it does not know', () => {
    expect(decodeMessage(hex('08c801')).type).toBe(200);
  });
});

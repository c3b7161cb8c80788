import { describe, expect, it } from '@jest/globals';
import { decodeMembership, encodeMembership, isDrakkarError } from '@drakkar/raftio';
import fc from 'fast-check';
import { openSealedJSON, sealJSON } from '../../fs/sealed-json.js';
import { membershipOf } from '../testing/fixture.js';
import { MemoryDisk } from '../testing/memory-disk.js';
import {
  type ExportRecord,
  decodeExportRecord,
  encodeExportRecord,
  readExportRecord,
} from './export-record.js';

const PATH = '/export/export.json';
const DOCUMENTED = ['ERR_SNAPSHOT_CORRUPT', 'ERR_INCOMPATIBLE_DATA'];
const SOUND: ExportRecord = {
  clusterID: 7,
  index: 1000,
  term: 3,
  deploymentID: 1,
  hardHash: 5,
  nodeID: 1,
  raftAddress: 'host1:1',
  membership: membershipOf(1, 2, 3),
  payloadChecksum: 0xffff_ffff,
  sizeBytes: 2_000,
};
const FIELDS = openSealedJSON(encodeExportRecord(SOUND)) ?? {};

/** The record; `undefined` when it is refused as it should be; fails on any other error. */
function decode(bytes: Uint8Array): ExportRecord | undefined {
  try {
    return decodeExportRecord(bytes, PATH);
  } catch (error) {
    if (isDrakkarError(error) && DOCUMENTED.includes(error.code)) return undefined;
    throw error;
  }
}

const member = fc.tuple(fc.oneof(fc.integer({ min: -2, max: 9 }), fc.jsonValue()), fc.jsonValue());
const value = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(-1, 0, 1.5, 2 ** 32, 2 ** 53, '7', 'NaN'),
  fc.array(member, { maxLength: 3 }),
  fc.array(fc.integer({ min: -1, max: 5 }), { maxLength: 3 }),
);

describe('hostile records of exported snapshots', () => {
  it('are refused, or hold what a record can hold, when they are sealed as they should be', () => {
    let accepted = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...Object.keys(FIELDS)), value), { maxLength: 3 }),
        (changes) => {
          const record = decode(sealJSON({ ...FIELDS, ...Object.fromEntries(changes) }));
          if (changes.length === 0) expect(record).toEqual(SOUND);
          if (record === undefined) return;
          accepted++;
          expect(decode(encodeExportRecord(record))).toEqual(record);
          expect(decodeMembership(encodeMembership(record.membership))).toEqual(record.membership);
        },
      ),
    );
    expect(accepted).toBeGreaterThan(0);
  });

  it.each([
    ['a member with a name for an id', 'addresses', [['a', 'host1:1']]],
    ['a member with a number for an address', 'addresses', [[1, 5]]],
    [
      'a member that is named twice',
      'observers',
      [
        [1, 'a:1'],
        [1, 'b:1'],
      ],
    ],
    ['a removed node below zero', 'removed', [-1]],
    ['an index below zero', 'index', -1],
    ['a checksum of more than 32 bits', 'payloadChecksum', 2 ** 32],
    ['an address that is none', 'raftAddress', null],
  ])('are refused: %s', (_, field, changed) => {
    expect(decode(sealJSON({ ...FIELDS, [field]: changed }))).toBeUndefined();
  });

  it('are refused when they are nested without an end', () => {
    const depth = 200_000;
    const text = `{"format":${'['.repeat(depth)}${']'.repeat(depth)},"checksum":""}`;
    expect(decode(new TextEncoder().encode(text))).toBeUndefined();
  });

  it('are not read when they are longer than any record', async () => {
    const disk = new MemoryDisk();
    await disk.makeDir('/export');
    const file = await disk.open(PATH, 'create');
    await file.truncate(0);
    await file.write(new Uint8Array(1), 64 * 1024 * 1024);
    await expect(readExportRecord(disk, '/export')).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
    expect(disk.operations.filter((operation) => operation.startsWith('readFile'))).toEqual([]);
  });
});

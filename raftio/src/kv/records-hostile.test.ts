import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isDrakkarError } from '../errors.js';
import { entry } from '../raftpb/testing/arbitraries.js';
import { decodeBlock, encodeBlock } from './entry-block.js';
import { KeyKind, makeHeadKey, makeKey } from './keys.js';
import { readBootstrap, readSnapshot } from './prepared-update.js';
import { decodeHead, sealBytes, unseal } from './records.js';

const blockKey = makeKey(KeyKind.log, 3, 4, 10);
const headKey = makeHeadKey(3, 4);

/** What a record holds after somebody has changed it who knows the format: the checksum is right again. */
const READERS: { name: string; key: Uint8Array; read: (key: Uint8Array, value: Uint8Array) => unknown }[] = [
  {
    name: 'a block of entries',
    key: blockKey,
    read: (key, value) => decodeBlock(key, value, 10, { first: 10, last: 500 }),
  },
  {
    name: 'the middle of a block',
    key: blockKey,
    read: (key, value) => decodeBlock(key, value, 10, { first: 12, last: 13 }),
  },
  { name: 'a head', key: headKey, read: decodeHead },
  { name: 'a bootstrap', key: makeKey(KeyKind.bootstrap, 3, 4, 0), read: readBootstrap },
  { name: 'a snapshot', key: makeKey(KeyKind.snapshot, 3, 4, 7), read: readSnapshot },
];

function isRefused(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (isDrakkarError(error) && error.code === 'ERR_LOGDB_CORRUPT') return true;
    throw error;
  }
}

describe.each(READERS)('hostile records for $name', ({ key, read }) => {
  it('are refused without a checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (value) => {
        expect(isRefused(() => read(key, value))).toBe(true);
      }),
    );
  });

  it('are refused, or read, with a checksum', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (content) => {
        isRefused(() => read(key, sealBytes(key, content)));
      }),
    );
  });

  it('are refused, or read, when they are changed entries', () => {
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(2_000), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (entries, changes) => {
          const content = unseal(blockKey, encodeBlock(blockKey, entries)).slice();
          for (const [at, value] of changes) content[at % content.length] = value;
          isRefused(() => read(key, sealBytes(key, content)));
        },
      ),
    );
  });
});

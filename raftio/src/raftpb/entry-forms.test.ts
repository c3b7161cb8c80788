import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CHECKSUM_TAG } from './checksum.js';
import { decodeEntries, encodeEntries } from './entry-codec.js';
import { makeEntry } from './entry.js';
import { decodeMessage } from './message-codec.js';
import type { Message } from './types.js';
import { toUint64 } from './uint64.js';

const FIELDS = ['term', 'index', 'type', 'key', 'clientID', 'seriesID', 'respondedTo'] as const;
const MAX_BYTES = 10;

/** A number as protobuf writes it, made longer than it need be by `padding` bytes, as far as that is allowed. */
function varint(value: bigint, padding = 0): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    bytes.push(Number(rest & 0x7fn));
    if (rest < 0x80n) break;
  }
  while (bytes.length < MAX_BYTES && padding-- > 0) bytes.push(0);
  return bytes.map((byte, i) => (i === bytes.length - 1 ? byte : byte | 0x80));
}

const edges = [
  0n,
  1n,
  127n,
  128n,
  2n ** 28n - 1n,
  2n ** 28n,
  2n ** 31n,
  2n ** 32n,
  2n ** 49n,
  2n ** 53n - 1n,
];
const safe = fc.oneof(fc.constantFrom(...edges), fc.bigInt(0n, 2n ** 53n - 1n));
const any = fc.oneof(safe, fc.constantFrom(2n ** 53n, 2n ** 56n - 1n, 2n ** 63n, 2n ** 64n - 1n));
const session = fc.oneof(fc.constant(0n), any);
/** By the place in FIELDS; the last are lengths of commands. */
const VALUES = [safe, safe, fc.constantFrom(0n, 1n, 2n), any, any, session, session, fc.bigInt(0n, 40n)];
const field = fc.constantFrom(0, 1, 2, 3, 4, 5, 5, 6, 6, 7).chain((at) =>
  fc.record({
    at: fc.constant(at),
    value: VALUES[at] as fc.Arbitrary<bigint>,
    padding: fc.constantFrom(0, 0, 0, 1, 3, 9),
  }),
);

describe('an entry', () => {
  it('is read alike in whatever form its fields come: any order, any length, several times, or not at all', () => {
    const inOrder = fc.array(field, { maxLength: 8 }).map((all) => all.sort((a, b) => a.at - b.at));
    fc.assert(
      fc.property(fc.oneof(inOrder, fc.array(field, { maxLength: 12 })), (fields) => {
        const expected: Record<string, unknown> = { cmd: '' };
        for (const name of FIELDS) expected[name] = 0;
        const body = fields.flatMap(({ at, value, padding }) => {
          const name = FIELDS.at(at);
          if (name !== undefined) {
            expected[name] = toUint64(value);
            return [(at + 1) << 3, ...varint(value, padding)];
          }
          const cmd = Buffer.alloc(Number(value), Number(value));
          expected['cmd'] = cmd.toString('hex');
          return [0x42, ...varint(value, Math.min(padding, 2)), ...cmd];
        });
        const next = makeEntry({ term: 9, index: 9 });
        const framed = [0x5a, ...varint(BigInt(body.length)), ...body, ...encodeEntries([next])];
        const entries = decodeEntries(Uint8Array.from(framed));
        const [entry] = entries as [ReturnType<typeof makeEntry>];
        const read: Record<string, unknown> = { cmd: Buffer.from(entry.cmd).toString('hex') };
        for (const name of FIELDS) read[name] = entry[name];
        expect(read).toEqual(expected);
        expect([entries.length, entries[1]?.index]).toEqual([2, 9]);
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  it('is refused when it ends in the middle of a field, whatever follows it', () => {
    const entry = makeEntry({ term: 300, index: 2 ** 40, key: 2 ** 50, clientID: 0, cmd: Buffer.from('x') });
    const [{ wire, wireStart, wireEnd }] = decodeEntries(encodeEntries([entry])) as [Required<typeof entry>];
    const body = [...(wire as Uint8Array).subarray(wireStart + 2, wireEnd)];
    const messageOf = (part: number[], after: number[]): Message =>
      decodeMessage(Uint8Array.from([0x5a, part.length, ...part, ...after]));
    const isWhole = (length: number): boolean => {
      try {
        return messageOf(body.slice(0, length), []).entries.length === 1;
      } catch {
        return false;
      }
    };
    const whole = Array.from({ length: body.length + 1 }, (_, length) => length).filter(isWhole);
    // Between its fields, and nowhere else.
    expect(whole).toEqual([0, 3, 10, 12, 21, 23, 25, 27, 30, 36]);
    // What was cut off; a tag that would end a number; a field of the message, which is none of the session.
    for (let length = 0; length < body.length; length++) {
      for (const after of [body.slice(length, length + 2), [0x5a, 0x38, 0], [0x38, 0]]) {
        if (whole.includes(length)) {
          if (after[0] !== 0x38) continue;
          const [read] = messageOf(body.slice(0, length), after).entries;
          expect([read?.respondedTo, read?.wireEnd]).toEqual([0, 2 + length]);
        } else expect(() => messageOf(body.slice(0, length), after)).toThrow();
      }
    }
  });

  it('has the checksum of its fields, in whatever form they come', () => {
    const entry = makeEntry({ term: 3, index: 4, key: 2 ** 40, clientID: 5, cmd: Buffer.from('command') });
    const [made] = decodeEntries(encodeEntries([entry])) as [typeof entry];
    const sum = Buffer.alloc(4);
    sum.writeInt32LE(made.checksum);
    const cmd = [0x42, ...varint(7n, 1), ...Buffer.from('command')];
    const others = [0x28, ...varint(5n, 2), 0x20, ...varint(2n ** 40n)];
    const body = [...cmd, ...varint(BigInt(CHECKSUM_TAG)), ...sum, ...others, 0x10, 4, 0x08, 3];
    const read = (bytes: number[]): number | undefined =>
      decodeEntries(Uint8Array.from([0x5a, ...varint(BigInt(bytes.length)), ...bytes]))[0]?.checksum;
    expect(read(body)).toBe(made.checksum);
    expect(() => read(body.with(3, 0x43))).toThrow('does not match');
  });
});

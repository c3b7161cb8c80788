import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Entry,
  EntryType,
  MAX_PROPOSAL_PAYLOAD_BYTES,
  REGISTER_SERIES_ID,
  isDrakkarError,
  makeEntry,
} from '@drakkar/raftio';
import { type SnappyCodec, loadSnappy } from '../compression/snappy.js';
import { EntryPayloads } from './entry-payloads.js';
import { RegisterMachine } from './testing/register-machine.js';
import { TestReplica } from './testing/replica.js';

let snappy: SnappyCodec;
beforeAll(async () => {
  snappy = await loadSnappy();
});

const TEXT = Buffer.from('the same again, '.repeat(100));
const encoded = (cmd: Uint8Array): Entry => makeEntry({ type: EntryType.EncodedEntry, cmd });
const varint = (value: number): number[] =>
  value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...varint(Math.floor(value / 0x80))];

/** A payload of that form which declares a length. */
const declaring = (sizeBytes: number, ...rest: number[]): Uint8Array =>
  Uint8Array.of(0x02, ...varint(sizeBytes), ...rest);

describe('EntryPayloads', () => {
  it('makes a command smaller, and gives it back as it was', () => {
    const payloads = new EntryPayloads('snappy', snappy);
    const payload = payloads.compress(TEXT);
    expect(payload?.length).toBeLessThan(TEXT.length / 5);
    expect(payload?.[0]).toBe(0x02);
    expect(Buffer.from(payloads.command(encoded(payload!)))).toEqual(TEXT);
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['short', Buffer.from('aaaaaaaaaaaaaaaa')],
    ['no smaller when compressed', Buffer.from(Array.from({ length: 200 }, (_, i) => (i * 151) & 0xff))],
  ])('leaves a command alone that is %s', (_, cmd) => {
    expect(new EntryPayloads('snappy', snappy).compress(cmd)).toBeUndefined();
  });

  it('compresses nothing unless it is asked to, and reads it all the same', () => {
    const plain = new EntryPayloads('none', snappy);
    expect(plain.compress(TEXT)).toBeUndefined();
    const payload = new EntryPayloads('snappy', snappy).compress(TEXT);
    expect(Buffer.from(plain.command(encoded(payload!)))).toEqual(TEXT);
    expect(plain.command(makeEntry({ cmd: TEXT }))).toBe(TEXT);
  });

  it.each([
    ['nothing', Uint8Array.of(), 'it is empty'],
    ['a form of a later release', Uint8Array.of(0x12, 1, 0, 65), 'form 0x12 is not known'],
    ['no length', Uint8Array.of(0x02), 'it declares no length'],
    ['a length without an end', Uint8Array.of(0x02, 255, 255, 255, 255, 255), 'it declares no length'],
    ['one byte too many', declaring(MAX_PROPOSAL_PAYLOAD_BYTES + 1, 0), 'declares 33554433 bytes'],
    ['4 GiB', declaring(2 ** 32 - 1, 0), 'declares 4294967295 bytes'],
    ['more than there is', declaring(1_000, 0, 65), ''],
  ])('refuses a payload that has %s', (_, cmd, reason) => {
    const payloads = new EntryPayloads('none', snappy);
    expect(() => payloads.command(encoded(cmd))).toThrow(reason);
    expect(payloads.isSound(encoded(cmd))).toBe(false);
  });

  it('hands nothing to snappy that declares more than a command may have', () => {
    let asked = 0;
    const counting: SnappyCodec = {
      ...snappy,
      decompressSync: (data, sizeBytes) => {
        asked++;
        return snappy.decompressSync(data, sizeBytes);
      },
    };
    const payloads = new EntryPayloads('none', counting);
    expect(() => payloads.command(encoded(declaring(MAX_PROPOSAL_PAYLOAD_BYTES + 1, 0)))).toThrow();
    expect(asked).toBe(0);
  });

  it('finds every flipped bit harmless or refuses the payload, without taking more memory than a command has', () => {
    const payloads = new EntryPayloads('snappy', snappy);
    const payload = payloads.compress(TEXT)!;
    for (let bit = 0; bit < payload.length * 8; bit++) {
      const damaged = Uint8Array.from(payload);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (!payloads.isSound(encoded(damaged))) continue;
      expect(payloads.command(encoded(damaged)).length).toBe(TEXT.length);
    }
  });

  it('reports that the platform lacks snappy', () => {
    const payloads = new EntryPayloads('none', undefined);
    const payload = new EntryPayloads('snappy', snappy).compress(TEXT);
    expect(() => payloads.command(encoded(payload!))).toThrow("snappy can't be loaded on this platform");
  });
});

describe('a replica that applies encoded entries', () => {
  const payloads = (): EntryPayloads => new EntryPayloads('snappy', snappy);
  const setUp = (): TestReplica => new TestReplica(new RegisterMachine(), { payloads: payloads() });
  const long = (text: string): Buffer => Buffer.from(text.repeat(50));

  it('hands the command to the state machine, not the payload', () => {
    const compressed = setUp();
    const plain = setUp();
    const cmd = long('x');
    const outcome = compressed.step({
      type: EntryType.EncodedEntry,
      clientID: 7,
      cmd: payloads().compress(cmd)!,
    });
    expect(outcome).toEqual(plain.step({ clientID: 7, cmd }));
    expect(compressed.machine.getHash()).toEqual(plain.machine.getHash());
  });

  it('applies one of a session at most once', () => {
    const replica = setUp();
    replica.step({ clientID: 7, seriesID: REGISTER_SERIES_ID });
    const fields = {
      type: EntryType.EncodedEntry,
      clientID: 7,
      seriesID: 1,
      cmd: payloads().compress(long('y'))!,
    };
    const first = replica.step(fields);
    const hash = replica.machine.getHash();
    expect(replica.step(fields)).toMatchObject({ value: first?.value, rejected: false });
    expect(replica.machine.getHash()).toEqual(hash);
  });

  it('stops, and does not pass over, a payload that it can not read', () => {
    const replica = setUp();
    let thrown: unknown;
    try {
      replica.step({ type: EntryType.EncodedEntry, clientID: 7, cmd: declaring(2 ** 32 - 1, 0) });
    } catch (error) {
      thrown = error;
    }
    expect(isDrakkarError(thrown) && thrown.code).toBe('ERR_RSM_INVARIANT');
    expect(String(thrown)).toContain("the payload of entry 1 can't be read");
    expect(replica.rsm.lastApplied).toBe(0);
  });
});

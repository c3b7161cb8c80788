import { describe, expect, it } from '@jest/globals';
import {
  decodeCommand,
  decodeDigestAnswer,
  decodeRecords,
  encodeDelete,
  encodeDigest,
  encodeGet,
  encodePut,
  encodeScan,
} from './kv-commands.js';
import { KVStateMachine, REFUSED } from './kv-state-machine.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const NEVER = new AbortController().signal;

async function snapshotOf(machine: KVStateMachine): Promise<Uint8Array> {
  const blocks: Uint8Array[] = [];
  const write = (data: Uint8Array): Promise<void> => Promise.resolve(void blocks.push(data));
  await machine.saveSnapshot({ write }, undefined, NEVER);
  return Uint8Array.from(blocks.flatMap((block) => [...block]));
}

async function* inChunks(data: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += sizeBytes) yield data.subarray(at, at + sizeBytes);
}

function get(machine: KVStateMachine, key: string): { version: number; value: string } | undefined {
  const [record] = decodeRecords(machine.lookup(encodeGet(key)));
  return record && { version: record.version, value: text(record.value) };
}

describe('KVStateMachine', () => {
  it('puts, gets, deletes, and counts the puts of a key', () => {
    const machine = new KVStateMachine();
    expect(get(machine, 'a')).toBeUndefined();
    expect(machine.update(encodePut('a', bytes('1')))).toBe(1);
    expect(machine.update(encodePut('a', bytes('2')))).toBe(2);
    expect(machine.update(encodePut('ä', bytes('')))).toBe(1);
    expect(get(machine, 'a')).toEqual({ version: 2, value: '2' });
    expect(get(machine, 'ä')).toEqual({ version: 1, value: '' });
    expect(machine.update(encodeDelete('a'))).toBe(1);
    expect(machine.update(encodeDelete('a'))).toBe(0);
    expect(get(machine, 'a')).toBeUndefined();
    expect(machine.update(encodePut('a', bytes('3')))).toBe(1);
    const { writeCount, keyCount } = decodeDigestAnswer(machine.lookup(encodeDigest()));
    expect({ writeCount, keyCount }).toEqual({ writeCount: 6, keyCount: 2 });
  });

  it('answers what is no command, and changes nothing', () => {
    const machine = new KVStateMachine();
    machine.update(encodePut('a', bytes('1')));
    const hash = machine.getHash();
    for (const cmd of ['', '\x01', '\x02\0', '\x01\xff\xffa', 'put a=1', '{}']) {
      expect(machine.update(Buffer.from(cmd, 'latin1'))).toBe(REFUSED);
    }
    expect(machine.getHash()).toBe(hash);
    expect(machine.update(encodePut('a', bytes('2')))).toBe(2);
  });

  it('keeps its own copy of a value', () => {
    const machine = new KVStateMachine();
    const cmd = encodePut('a', bytes('1'));
    machine.update(cmd);
    cmd.fill(0);
    expect(get(machine, 'a')?.value).toBe('1');
  });

  it('hashes the state, not the way to it', () => {
    const [one, other] = [new KVStateMachine(), new KVStateMachine()];
    one.update(encodePut('a', bytes('1')));
    one.update(encodePut('b', bytes('2')));
    expect(one.getHash()).not.toEqual(other.getHash());
    other.update(encodePut('b', bytes('2')));
    other.update(encodePut('a', bytes('1')));
    expect(one.getHash()).toEqual(other.getHash());
    one.update(encodePut('a', bytes('1')));
    other.update(encodePut('b', bytes('2')));
    expect(one.getHash()).not.toEqual(other.getHash());
  });

  it('scans in the order of keys, in more than one page', () => {
    const machine = new KVStateMachine();
    const big = new Uint8Array(400 * 1024);
    for (const key of ['d', 'b', 'e', 'a', 'c']) machine.update(encodePut(key, big));
    const pages: string[] = [];
    for (let after = ''; ;) {
      const keys = decodeRecords(machine.lookup(encodeScan(after))).map(({ key }) => key);
      if (keys.length === 0) break;
      pages.push(keys.join(''));
      after = keys.at(-1) as string;
    }
    expect(pages).toEqual(['abc', 'de']);
  });

  it.each([1, 7, 1_000, 1_000_000])('recovers from a snapshot read %d bytes at a time', async (sizeBytes) => {
    const machine = new KVStateMachine();
    for (let i = 0; i < 500; i += 1) machine.update(encodePut(`key ${i % 300}`, bytes(`value ${i}`)));
    machine.update(encodeDelete('key 7'));
    const snapshot = await snapshotOf(machine);
    const copy = new KVStateMachine();
    copy.update(encodePut('left over', bytes('x')));
    await copy.recoverFromSnapshot(inChunks(snapshot, sizeBytes), undefined, NEVER);
    expect(copy.lookup(encodeDigest())).toEqual(machine.lookup(encodeDigest()));
    expect(copy.lookup(encodeScan(''))).toEqual(machine.lookup(encodeScan('')));
  });

  it('refuses a snapshot that is cut short, and commands and queries that are none', async () => {
    const machine = new KVStateMachine();
    machine.update(encodePut('a', bytes('1')));
    const snapshot = await snapshotOf(machine);
    for (const length of [0, 5, snapshot.length - 1]) {
      const copy = new KVStateMachine();
      const cut = inChunks(snapshot.subarray(0, length), 64);
      await expect(copy.recoverFromSnapshot(cut, undefined, NEVER)).rejects.toThrow('cut short');
    }
    expect(decodeCommand(Uint8Array.of(9, 0, 0))).toBeUndefined();
    expect(decodeCommand(encodePut('abc', bytes('')).subarray(0, 4))).toBeUndefined();
    expect(() => machine.lookup(Uint8Array.of(9))).toThrow('not a query');
  });
});

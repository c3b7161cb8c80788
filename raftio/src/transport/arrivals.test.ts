import { describe, expect, it } from '@jest/globals';
import { decodeSnapshotChunk, encodeSnapshotChunk } from '../raftpb/chunk-codec.js';
import { makeEntry } from '../raftpb/entry.js';
import { encodeMessageBatch } from '../raftpb/message-codec.js';
import { type MessageBatch, MessageType, makeMessage } from '../raftpb/types.js';
import type { Damage } from '../rpc.js';
import { type Arrival, Arrivals } from './arrivals.js';

function batch(): MessageBatch {
  const entries = [makeEntry({ term: 1, index: 1, cmd: new Uint8Array([1, 2, 3]) })];
  const requests = [makeMessage({ type: MessageType.Replicate, to: 1, from: 2, entries })];
  return { requests, deploymentID: 1, sourceAddress: 'a:1', binVer: 210, features: 1 };
}

const sealed = () => new Uint8Array(encodeMessageBatch(batch()));
const bare = () => sealed().subarray(0, -6);
const flipped = () => sealed().map((byte, i) => (i === 9 ? byte ^ 4 : byte));

function setUp(...hello: [to: string | undefined, from: string | undefined] | []): {
  arrivals: Arrivals;
  arrival: Arrival;
  told: Damage[];
} {
  const told: Damage[] = [];
  const arrivals = new Arrivals((damage) => told.push(damage));
  const arrival = arrivals.from('10.0.0.1:7');
  if (hello.length > 0) arrival.introduce(...(hello as [undefined, undefined]));
  return { arrivals, arrival, told };
}

describe('Arrivals', () => {
  it.each([
    ['b:1', 'a:1'],
    ['b:1', undefined],
    [undefined, 'a:1'],
  ] as const)('takes nothing without a checksum from a client whose hello said %p, %p', (to, from) => {
    const { arrivals, arrival, told } = setUp(to, from);
    expect(arrival.batch(sealed()).requests).toHaveLength(1);
    expect(() => arrival.batch(bare())).toThrow('without the checksum');
    expect(told).toMatchObject([{ part: 'batch', peer: '10.0.0.1:7', from }]);
    expect(arrivals.counters).toEqual({ damagedBatches: 1, damagedChunks: 0, damagedEntries: 0 });
  });

  it('takes batches and chunks without one from a client that said no hello, but no wrong one', () => {
    const { arrivals, arrival } = setUp();
    expect(arrival.batch(bare()).requests).toHaveLength(1);
    expect(arrival.chunk(new Uint8Array(0)).data).toHaveLength(0);
    expect(() => arrival.batch(flipped())).toThrow('does not match');
    expect(arrivals.counters.damagedBatches).toBe(1);
  });

  it('takes nothing without one any more from a client that has given one', () => {
    const { arrival, arrivals } = setUp();
    arrival.batch(sealed());
    expect(() => arrival.batch(bare())).toThrow('without the checksum');
    expect(arrivals.from('10.0.0.2:7').batch(bare()).requests).toHaveLength(1);
  });

  it('takes no chunk without one from a client whose hello said who it is', () => {
    const { arrival, arrivals, told } = setUp(undefined, 'a:1');
    const chunk = encodeSnapshotChunk(decodeSnapshotChunk(new Uint8Array(0)));
    expect(arrival.chunk(new Uint8Array(chunk)).data).toHaveLength(0);
    expect(() => arrival.chunk(new Uint8Array(0))).toThrow('without the checksum');
    expect(told).toMatchObject([{ part: 'chunk', from: 'a:1' }]);
    expect(arrivals.counters.damagedChunks).toBe(1);
  });

  it('takes for damaged a wrong checksum, whatever else the batch says', () => {
    const { arrival, told } = setUp('b:1', 'a:1');
    const { features: _features, ...rest } = batch();
    const bytes = new Uint8Array(encodeMessageBatch({ ...rest, requests: [] }));
    bytes[1] = (bytes[1] ?? 0) ^ 2;
    expect(() => arrival.batch(bytes)).toThrow('does not match');
    expect(told).toMatchObject([{ part: 'batch' }]);
  });

  it('counts and reports a damaged chunk', () => {
    const { arrival, arrivals, told } = setUp('b:1', 'a:1');
    const chunk = new Uint8Array(encodeSnapshotChunk(decodeSnapshotChunk(new Uint8Array(0))));
    chunk[3] = 9;
    expect(() => arrival.chunk(chunk)).toThrow('the checksum of a chunk does not match');
    expect(told).toEqual([
      { part: 'chunk', peer: '10.0.0.1:7', from: 'a:1', reason: 'the checksum of a chunk does not match' },
    ]);
    expect(arrivals.counters.damagedChunks).toBe(1);
  });

  it('distinguishes an entry that its sender had damaged from damage on the way', () => {
    const { arrival, arrivals, told } = setUp('b:1', 'a:1');
    const damaged = batch();
    encodeMessageBatch(damaged);
    const [entry] = damaged.requests[0]?.entries ?? [];
    if (entry?.wire !== undefined) entry.wire[entry.wireEnd - 7] = 77;
    expect(() => arrival.batch(new Uint8Array(encodeMessageBatch(damaged)))).toThrow(
      'the checksum of entry 1',
    );
    expect(told).toMatchObject([{ part: 'entry' }]);
    expect(arrivals.counters.damagedEntries).toBe(1);
  });

  it('refuses, but does not take for damaged, what was encoded for a host of Dragonboat', () => {
    const { arrival, told } = setUp('b:1', 'a:1');
    const { features: _features, ...rest } = batch();
    expect(() => arrival.batch(encodeMessageBatch(rest, 'colfer'))).toThrow('without the checksum');
    expect(told).toEqual([]);
  });

  it('leaves alone what is malformed in another way', () => {
    const { arrival, arrivals, told } = setUp();
    expect(() => arrival.batch(new Uint8Array([0x0a]))).toThrow('cut in the middle');
    expect(told).toEqual([]);
    expect(arrivals.counters.damagedBatches).toBe(0);
  });
});

import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { isDrakkarError } from '../errors.js';
import { decodeDragonboatBatch, encodeDragonboatBatch, isDragonboatAddress } from './dragonboat-batch.js';
import { EntryType, makeEntry } from './entry.js';
import { decodeMessageBatch, encodeMessageBatch } from './message-codec.js';
import { encodeConfigChange } from './record-codec.js';
import * as arbitrary from './testing/arbitraries.js';
import { toPlain } from './testing/reference.js';
import { type ConfigChange, type Message, type MessageBatch, MessageType, makeMessage } from './types.js';

function batchOf(...requests: Message[]): MessageBatch {
  return { requests, deploymentID: 1, sourceAddress: 'a:1', binVer: 210, features: 3 };
}

function heartbeat(fields: Partial<Message> = {}): Message {
  return makeMessage({ type: MessageType.Heartbeat, to: 2, from: 1, clusterID: 3, term: 4, ...fields });
}

function replicated(entry: Parameters<typeof makeEntry>[0]): Message {
  return heartbeat({ type: MessageType.Replicate, entries: [makeEntry({ term: 4, index: 9, ...entry })] });
}

function changed(change: Partial<ConfigChange>): Message {
  const cmd = encodeConfigChange({
    configChangeID: 0,
    type: 0,
    nodeID: 5,
    address: 'b:2',
    initialize: false,
    ...change,
  });
  return replicated({ type: EntryType.ConfigChangeEntry, key: 7, cmd });
}

function encoded(batch: MessageBatch): { bytes: Uint8Array | undefined; faults: string[] } {
  const faults: string[] = [];
  const bytes = encodeDragonboatBatch(batch, (_message, fault) => faults.push(fault));
  return { bytes, faults };
}

const SETTINGS = { orderedConfigChange: false, lruMaxSessionCount: 4096 };

describe('batches for a host of Dragonboat', () => {
  it('carry entries in colfer, and no field that is not of version 2.1.7', () => {
    const { bytes, faults } = encoded(batchOf(replicated({ key: 5, cmd: Buffer.from('x') })));
    expect(faults).toEqual([]);
    const plain = heartbeat({
      type: MessageType.Replicate,
      entries: [makeEntry({ term: 4, index: 9, key: 5, cmd: Buffer.from('x') })],
    });
    const expected = encodeMessageBatch(
      { requests: [plain], deploymentID: 1, sourceAddress: 'a:1', binVer: 210 },
      'colfer',
    );
    expect(Buffer.from(bytes as Uint8Array).equals(expected)).toBe(true);
  });

  it('leave out group identity and settings', () => {
    const { bytes } = encoded(batchOf(heartbeat({ groupID: 12, settings: 13 })));
    expect(toPlain(decodeMessageBatch(bytes as Uint8Array).requests)).toEqual(toPlain([heartbeat()]));
  });

  it('leave the message as it was', () => {
    const message = heartbeat({ groupID: 12, settings: 13 });
    encoded(batchOf(message));
    expect(message).toMatchObject({ groupID: 12, settings: 13 });
  });

  it('do not exist when they are empty', () => {
    expect(encoded(batchOf())).toEqual({ bytes: undefined, faults: [] });
  });

  it.each<[string, Message]>([
    ['a pre-vote', heartbeat({ type: MessageType.RequestPreVote })],
    ['a type of our own', heartbeat({ type: MessageType.StateHashes })],
    ['a type that is local to a Go process', heartbeat({ type: MessageType.Election })],
    ['an unreachable report', heartbeat({ type: MessageType.Unreachable })],
    ['a snapshot that is not streamed', heartbeat({ type: MessageType.InstallSnapshot })],
    ['a refusal of reads', heartbeat({ type: MessageType.ReadIndexResp, reject: true })],
    ['a message without a sender', heartbeat({ from: 0 })],
    ['a compressed entry', replicated({ type: EntryType.EncodedEntry, cmd: Uint8Array.of(1, 2) })],
    ['a raised level', changed({ type: 64, level: 1, settings: SETTINGS })],
    ['an IPv6 address', changed({ address: '[::1]:70' })],
    ['an empty address', changed({ address: '' })],
    ['an observer without a port', changed({ type: 2, address: 'host' })],
    [
      'a config change that is none',
      replicated({ type: EntryType.ConfigChangeEntry, cmd: Uint8Array.of(255) }),
    ],
  ])('are sent without %s, which is reported', (_name, message) => {
    const { bytes, faults } = encoded(batchOf(heartbeat({ commit: 1 }), message, heartbeat({ commit: 2 })));
    expect(faults).toHaveLength(1);
    const { requests } = decodeMessageBatch(bytes as Uint8Array, 'colfer');
    expect(requests.map(({ commit }) => commit)).toEqual([1, 2]);
    expect(encoded(batchOf(message)).bytes).toBeUndefined();
  });

  it('carry changes of the membership that Go can apply', () => {
    for (const change of [
      {},
      { type: 1, address: '' } as const,
      { type: 2, address: 'host.local:63001' } as const,
    ]) {
      expect(encoded(batchOf(changed(change))).faults).toEqual([]);
    }
  });
});

describe('batches from a host of Dragonboat', () => {
  it('are read as they were, whatever they are', () => {
    const plain = arbitrary.messageBatch.map(({ features: _features, ...batch }) => ({
      ...batch,
      requests: batch.requests
        .filter(({ type }) => type <= MessageType.TimeoutNow)
        .map((message) => ({ ...message, groupID: 0, settings: 0 })),
    }));
    fc.assert(
      fc.property(plain, (batch) => {
        const decoded = decodeDragonboatBatch(encodeMessageBatch(batch, 'colfer'));
        expect(toPlain(decoded)).toEqual(toPlain({ ...batch, isDragonboat: true }));
      }),
    );
  });

  it('have no say in what only our hosts know', () => {
    const bytes = encodeMessageBatch(batchOf(heartbeat({ groupID: 12, settings: 13 })));
    const batch = decodeDragonboatBatch(bytes);
    expect(batch.features).toBeUndefined();
    expect(batch.requests[0]).toMatchObject({ groupID: 0, settings: 0 });
  });

  it('are decoded or refused with an error of the codec, whatever has become of a recorded one', () => {
    const file = join(import.meta.dirname, '../../testdata/go-v2.1.7/batches.jsonl');
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    const recorded = lines.map((line) => Buffer.from((JSON.parse(line) as { hex: string }).hex, 'hex'));
    const damage = fc.record({
      at: fc.nat(),
      bit: fc.nat({ max: 7 }),
      cut: fc.option(fc.nat()),
      more: fc.uint8Array(),
    });
    fc.assert(
      fc.property(fc.constantFrom(...recorded), damage, (whole, { at, bit, cut, more }) => {
        const bytes = new Uint8Array(Buffer.concat([whole, more]));
        const place = at % bytes.length;
        bytes[place] = (bytes[place] as number) ^ (1 << bit);
        try {
          decodeDragonboatBatch(cut === null ? bytes : bytes.subarray(0, cut % bytes.length));
        } catch (error) {
          const code = isDrakkarError(error) ? error.code : String(error);
          expect(['ERR_MALFORMED', 'ERR_UNSAFE_INTEGER']).toContain(code);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('are malformed with a message type that v2.1.7 does not have', () => {
    const bytes = encodeMessageBatch(batchOf(heartbeat({ type: MessageType.RequestPreVote })));
    expect(() => decodeDragonboatBatch(bytes)).toThrow(expect.objectContaining({ code: 'ERR_MALFORMED' }));
  });
});

describe('addresses that Dragonboat can parse', () => {
  it.each(['a:1', 'host.example:63001', '10.0.0.1:65535', ' a:1 '])('takes %j', (address) => {
    expect(isDragonboatAddress(address)).toBe(true);
  });

  it.each(['', 'a', 'a:', ':1', 'a:b', 'a:1:2', '[::1]:1', '::1', 'a:65536', 'a:-1', 'a:1x'])(
    'refuses %j',
    (address) => {
      expect(isDragonboatAddress(address)).toBe(false);
    },
  );
});

import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeDragonboatBatch } from './dragonboat-batch.js';
import { type EntryFields, EntryType, REGISTER_SERIES_ID, UNREGISTER_SERIES_ID, makeEntry } from './entry.js';
import { encodeConfigChange } from './record-codec.js';
import { readGoBatch } from './testing/go-batch-reader.js';
import { ConfigChangeType, type Message, MessageType, makeMessage } from './types.js';
import { MAX_UINT64 } from './uint64.js';

/** Our bytes for a host of v2.1.7, fixed; testdata/README.md says what a change of them means. */
const FILE = join(import.meta.dirname, '../../testdata/to-go/batches.jsonl');

interface Fixed {
  name: string;
  hex: string;
}

const CLIENT = 0xab54_a98c_eb1f_0ad2n;

function message(type: MessageType, fields: Partial<Message> = {}): Message {
  // The identity and settings of a group are for hosts of ours; they must not show.
  return makeMessage({ to: 2, from: 1, clusterID: 7, term: 3, groupID: 41, settings: 42, ...fields, type });
}

function replicate(...entries: Partial<EntryFields>[]): Message {
  return message(MessageType.Replicate, {
    logTerm: 2,
    logIndex: 8,
    commit: 8,
    entries: entries.map((fields, i) => makeEntry({ term: 3, index: 9 + i, ...fields })),
  });
}

function change(type: ConfigChangeType, address: string): Partial<EntryFields> {
  const cmd = encodeConfigChange({ configChangeID: 5, type, nodeID: 4, address, initialize: false });
  return { type: EntryType.ConfigChangeEntry, key: 77, cmd };
}

const MESSAGES: Readonly<Record<string, Message[]>> = {
  'a request for a vote': [
    message(MessageType.RequestVote, { logTerm: 2, logIndex: 8, hint: 1 }),
    message(MessageType.RequestVote, { to: 3, logTerm: 2, logIndex: 8 }),
  ],
  'an answer to it': [message(MessageType.RequestVoteResp, { reject: true })],
  'an empty entry of a new leader': [replicate({})],
  'commands without a session': [
    replicate(
      { key: 1, clientID: CLIENT, cmd: Buffer.from('hello') },
      { key: 2 ** 49 - 1, clientID: 2 ** 49, cmd: new Uint8Array(0) },
    ),
  ],
  'the life of a session': [
    replicate(
      { key: 3, clientID: CLIENT, seriesID: REGISTER_SERIES_ID },
      { key: 4, clientID: CLIENT, seriesID: 1, cmd: new Uint8Array(200).fill(9) },
      { key: 5, clientID: CLIENT, seriesID: 2, respondedTo: 1, cmd: Uint8Array.of(0x7f) },
      { key: MAX_UINT64, clientID: CLIENT, seriesID: UNREGISTER_SERIES_ID, respondedTo: 2 },
    ),
  ],
  'changes of the membership': [
    replicate(
      change(ConfigChangeType.AddNode, 'host-4.example:63001'),
      change(ConfigChangeType.AddObserver, '10.0.0.4:63001'),
      change(ConfigChangeType.RemoveNode, ''),
    ),
  ],
  'an answer to entries, and a rejection': [
    message(MessageType.ReplicateResp, { logIndex: 11 }),
    message(MessageType.ReplicateResp, { logIndex: 11, reject: true, hint: 8 }),
  ],
  'a heartbeat that confirms reads, and an answer': [
    message(MessageType.Heartbeat, { commit: 8, hint: 12, hintHigh: 0xffff_ffff }),
    message(MessageType.HeartbeatResp, { hint: 12, hintHigh: 0xffff_ffff }),
  ],
  'a forwarded proposal': [
    message(MessageType.Propose, {
      term: 0,
      entries: [makeEntry({ key: CLIENT, clientID: 5, seriesID: 1, cmd: Buffer.from('forwarded') })],
    }),
  ],
  'a forwarded read, and its answer': [
    message(MessageType.ReadIndex, { term: 0, hint: CLIENT, hintHigh: MAX_UINT64 }),
    message(MessageType.ReadIndexResp, { logIndex: 11, hint: CLIENT, hintHigh: MAX_UINT64 }),
  ],
  'a transfer of leadership': [
    message(MessageType.LeaderTransfer, { term: 0, hint: 3 }),
    message(MessageType.TimeoutNow),
  ],
  'sleep and waking': [message(MessageType.Quiesce), message(MessageType.NoOP, { term: 0 })],
  'a snapshot that was taken': [message(MessageType.SnapshotReceived, { term: 0 })],
};

function encode(requests: Message[]): Uint8Array {
  const batch = {
    requests,
    deploymentID: 1,
    sourceAddress: 'host-1.example:63001',
    binVer: 210,
    features: 7,
  };
  const bytes = encodeDragonboatBatch(batch, (_message, fault) => {
    throw new Error(`withheld: ${fault}`);
  });
  return bytes ?? new Uint8Array(0);
}

describe('bytes for a host of Dragonboat v2.1.7', () => {
  const lines = readFileSync(FILE, 'utf8').trim().split('\n');
  const fixed = new Map(lines.map((line) => JSON.parse(line) as Fixed).map(({ name, hex }) => [name, hex]));

  it('are fixed for each kind of message', () => {
    expect([...fixed.keys()]).toEqual(Object.keys(MESSAGES));
  });

  it.each(Object.entries(MESSAGES))('are those in the file for %s', (name, messages) => {
    expect(Buffer.from(encode(messages)).toString('hex')).toBe(fixed.get(name));
  });

  it.each(Object.entries(MESSAGES))('mean the same to a second reader: %s', (name, messages) => {
    const batch = readGoBatch(Buffer.from(fixed.get(name) ?? '', 'hex'));
    expect(batch).toMatchObject({ deploymentID: 1n, sourceAddress: 'host-1.example:63001', binVer: 210n });
    expect(batch.messages).toEqual(
      messages.map(({ entries, snapshot: _none, groupID: _group, settings: _settings, ...scalars }) => ({
        ...Object.fromEntries(Object.entries(scalars).map(([field, value]) => [field, BigInt(value)])),
        snapshot: '120018002000280032020800',
        entries: entries.map(({ term, index, type, key, clientID, seriesID, respondedTo, cmd }) => ({
          ...Object.fromEntries(
            Object.entries({ term, index, type, key, clientID, seriesID, respondedTo }).map(
              ([field, value]) => [field, BigInt(value)],
            ),
          ),
          cmd: Buffer.from(cmd).toString('hex'),
        })),
      })),
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeSnapshotChunk, encodeSnapshotChunk } from './chunk-codec.js';
import { decodeMessageBatch, encodeMessageBatch } from './message-codec.js';
import type { MessageBatch, SnapshotChunk } from './types.js';

/** What real hosts of Dragonboat v2.1.7 sent; testdata/README.md says how it was recorded. */
const FOLDER = join(import.meta.dirname, '../../testdata/go-v2.1.7');

interface Recorded {
  hex: string;
  decoded: Record<string, unknown>;
}

function recorded(file: string): Recorded[] {
  const lines = readFileSync(join(FOLDER, file), 'utf8').trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Recorded);
}

/** The form of the recordings: 64-bit numbers that are no safe integers as strings, bytes in hex, maps as objects. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .map(([key, each]) => [key, plain(each)]),
  );
}

function plainBatch({ isDragonboat: _isDragonboat, ...batch }: MessageBatch): unknown {
  // Not of Dragonboat: what is not said is 0, and not written.
  const requests = batch.requests.map(({ entries, groupID: _group, settings: _settings, ...fields }) => ({
    ...fields,
    entries: entries.map((entry) => ({
      term: entry.term,
      index: entry.index,
      type: entry.type,
      key: entry.key,
      clientID: entry.clientID,
      seriesID: entry.seriesID,
      respondedTo: entry.respondedTo,
      cmd: entry.cmd,
    })),
  }));
  return plain({ ...batch, requests });
}

function plainChunk({ data, ...fields }: SnapshotChunk): unknown {
  return plain({ ...fields, dataBytes: data.length });
}

describe('bytes of a host of Dragonboat v2.1.7', () => {
  const batches = recorded('batches.jsonl');

  it('has 75 batches', () => {
    expect(batches).toHaveLength(75);
  });

  it.each(batches.map((each, i) => ({ ...each, line: i + 1 })))(
    'decodes batch $line and encodes it to the same bytes',
    ({ hex, decoded }) => {
      const batch = decodeMessageBatch(Buffer.from(hex, 'hex'), 'colfer');
      expect(plainBatch(batch)).toEqual(decoded);
      expect(Buffer.from(encodeMessageBatch(batch, 'colfer')).toString('hex')).toBe(hex);
    },
  );

  it.each(['snapshot-small.jsonl', 'snapshot-files.jsonl'])('decodes the chunks of %s', (file) => {
    const chunks = recorded(file);
    expect(chunks.length).toBeGreaterThan(0);
    for (const { hex, decoded } of chunks) {
      const chunk = decodeSnapshotChunk(Buffer.from(hex, 'hex'));
      expect(plainChunk(chunk)).toEqual(decoded);
      expect(plainChunk(decodeSnapshotChunk(encodeSnapshotChunk(chunk)))).toEqual(decoded);
    }
  });
});

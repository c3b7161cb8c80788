import { describe, expect, it } from '@jest/globals';
import { crc32 } from 'node:zlib';
import { SNAPSHOT_HEADER_BLOCK_BYTES } from '@drakkar/raftio';
import { decodeDragonboatSessions, encodeDragonboatSessions } from '../../rsm/dragonboat-sessions.js';
import { RECORDED_STREAMS, recordedFile } from '../testing/recorded-go.js';
import { decodeDragonboatHeader, encodeDragonboatHeader, isDragonboatFile } from './dragonboat-header.js';

const MAX_SESSIONS = 4096;

describe.each(RECORDED_STREAMS)('the snapshot of Go hosts in %s', (name) => {
  const file = recordedFile(name);
  const block = file.subarray(0, SNAPSHOT_HEADER_BLOCK_BYTES);
  const payload = file.subarray(SNAPSHOT_HEADER_BLOCK_BYTES);
  const header = decodeDragonboatHeader(block, name);

  it('has a header that describes its payload', () => {
    expect(isDragonboatFile(file)).toBe(true);
    expect(header.sessionSize + header.dataStoreSize).toBe(payload.length);
    expect(header.payloadChecksum).toBe(crc32(payload));
  });

  it('has a header that is written again byte for byte', () => {
    const again = encodeDragonboatHeader(header);
    const size = Number(Buffer.from(block).readBigUInt64LE());
    expect(Buffer.compare(again.subarray(0, 8 + size), block.subarray(0, 8 + size))).toBe(0);
  });

  it('has sessions that are read, and written again byte for byte', () => {
    const bytes = payload.subarray(0, header.sessionSize);
    const sessions = decodeDragonboatSessions(bytes, MAX_SESSIONS);
    expect(sessions.count).toBeGreaterThan(0);
    expect(Buffer.compare(encodeDragonboatSessions(sessions), bytes)).toBe(0);
  });

  it('has the data of the recorded state machine behind the sessions', () => {
    const data = Buffer.from(payload.subarray(header.sessionSize));
    const blob = data.subarray(20);
    expect(blob.length).toBe(data.readUInt32LE(16));
    const first = blob[0] ?? 0;
    expect([...blob]).toEqual(Array.from({ length: blob.length }, (_, i) => (i * 7 + first) & 0xff));
  });

  it('is damage when any bit of the header is another', () => {
    const size = Number(Buffer.from(block).readBigUInt64LE());
    for (let bit = 0; bit < 8 * (8 + size); bit += 1) {
      const damaged = Uint8Array.from(block);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => decodeDragonboatHeader(damaged, name)).toThrow(
        expect.objectContaining({ code: 'ERR_SNAPSHOT_CORRUPT' }),
      );
    }
  });
});

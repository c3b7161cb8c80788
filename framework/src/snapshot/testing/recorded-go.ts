import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SnapshotChunk, decodeSnapshotChunk } from '@drakkar/raftio';

/** Recorded from real hosts of Dragonboat v2.1.7: raftio/testdata/README.md. */
const FOLDER = join(import.meta.dirname, '../../../../raftio/testdata/go-v2.1.7');

export const RECORDED_STREAMS = ['snapshot-small.jsonl', 'snapshot-files.jsonl'] as const;
export type RecordedStream = (typeof RECORDED_STREAMS)[number];

/** What the streams have in common. */
export const RECORDED_GROUP = { clusterID: 1, nodeID: 4, from: 1, deploymentID: 1, maxSessionCount: 4096 };

/** The chunks of a stream, as they came off the wire. */
export function recordedBytes(name: RecordedStream): Uint8Array[] {
  const lines = readFileSync(join(FOLDER, name), 'utf8').trim().split('\n');
  return lines.map((line) => Buffer.from((JSON.parse(line) as { hex: string }).hex, 'hex'));
}

export function recordedChunks(name: RecordedStream): SnapshotChunk[] {
  return recordedBytes(name).map((bytes) => decodeSnapshotChunk(bytes));
}

/** The data file of a recorded stream. */
export function recordedFile(name: RecordedStream): Buffer {
  const chunks = recordedChunks(name).filter(({ hasFileInfo }) => !hasFileInfo);
  return Buffer.concat(chunks.map(({ data }) => data));
}

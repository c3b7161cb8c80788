import type { LogDBModule } from '@drakkar/raftio';
import { SegmentLogDB } from './segment-logdb.js';

const NAME = 'segments';
const DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024;
const SMALLEST_SEGMENT_BYTES = 4096;

interface SegmentOptions {
  segmentBytes?: number;
}

/** Chosen in a configuration by the path of this file: `logdb: { module: ./examples/logdb-segments/dist/index.js }`. */
export const adapterModule: LogDBModule = {
  kind: 'logdb',
  name: NAME,
  capabilities: { shrinksOnCompaction: true, exclusiveOpen: true, durable: true, detectsDamage: true },
  optionsSchema: {
    type: 'object',
    additionalProperties: false,
    properties: {
      segmentBytes: { type: 'integer', minimum: SMALLEST_SEGMENT_BYTES, default: DEFAULT_SEGMENT_BYTES },
    },
  },
  create:
    ({ segmentBytes = DEFAULT_SEGMENT_BYTES }: SegmentOptions) =>
    (config) =>
      SegmentLogDB.open(config, { name: NAME, segmentBytes }),
};

import type { OptionsSchema } from '@drakkar/raftio';

export interface WalLogDBOptions {
  /**
   * Size in bytes at which a segment is ended and the next one begun. Smaller means that space is given back in smaller
   * parts, and more syncs in all. A segment may become longer by one frame. Default: 64 MiB.
   */
  segmentBytes?: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_OPTIONS: Required<WalLogDBOptions> = Object.freeze({ segmentBytes: 64 * MIB });

export const optionsSchema: OptionsSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Options of @drakkar/logdb-wal',
  type: 'object',
  additionalProperties: false,
  properties: {
    segmentBytes: {
      description: 'Size in bytes at which a segment is ended and the next one begun.',
      type: 'integer',
      minimum: 64 * 1024,
      maximum: 1024 * MIB,
      default: DEFAULT_OPTIONS.segmentBytes,
    },
  },
};

import type { OptionsSchema } from '@drakkar/raftio';

export interface LevelDBLogDBOptions {
  /**
   * Bytes of saves that are gathered in memory, beside the log file, before they are sorted into a table. Larger means
   * that fewer bytes are written in all, and longer pauses; up to twice as much memory is used. Default: 16 MiB.
   */
  writeBufferSizeBytes?: number;
  /** Memory in bytes for blocks of tables that were read. Default: 8 MiB. */
  cacheSizeBytes?: number;
  /** Size in bytes at which a table is ended and the next one begun. Default: 2 MiB. */
  maxFileSizeBytes?: number;
}

const MIB = 1024 * 1024;

export const DEFAULT_OPTIONS: Required<LevelDBLogDBOptions> = Object.freeze({
  writeBufferSizeBytes: 16 * MIB,
  cacheSizeBytes: 8 * MIB,
  maxFileSizeBytes: 2 * MIB,
});

export const optionsSchema: OptionsSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Options of @drakkar/logdb-leveldb',
  type: 'object',
  additionalProperties: false,
  properties: {
    writeBufferSizeBytes: {
      description: 'Bytes of saves that are gathered in memory before they are sorted into a table.',
      type: 'integer',
      minimum: 64 * 1024,
      maximum: 1024 * MIB,
      default: DEFAULT_OPTIONS.writeBufferSizeBytes,
    },
    cacheSizeBytes: {
      description: 'Memory in bytes for blocks of tables that were read.',
      type: 'integer',
      minimum: 0,
      maximum: 2048 * MIB,
      default: DEFAULT_OPTIONS.cacheSizeBytes,
    },
    maxFileSizeBytes: {
      description: 'Size in bytes at which a table is ended and the next one begun.',
      type: 'integer',
      minimum: MIB,
      maximum: 64 * MIB,
      default: DEFAULT_OPTIONS.maxFileSizeBytes,
    },
  },
};

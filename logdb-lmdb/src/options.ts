import type { OptionsSchema } from '@drakkar/raftio';

export interface LmdbLogDBOptions {
  /**
   * Address space, in bytes, mapped at the start; a power of two is best. It grows by itself, at the price of a pause
   * in which the file is mapped again. On Windows the file is made that large at once. Default: 64 MiB.
   */
  initialMapSizeBytes?: number;
  /**
   * Page size of a new log, in bytes: a power of two from 4096 to 65536. Default: that of the operating system. A log
   * that exists keeps the one it was made with.
   */
  pageSizeBytes?: number;
  /**
   * Bytes of its file system that stay free: below that, writes fail with ENOSPC before LMDB tries them, which is the
   * better way, since LMDB's library does not always survive a full disk. 0 = it is left to LMDB. Default: 8 MiB.
   */
  reserveBytes?: number;
}

/** Files of LMDB are made for their owner alone. The library's types don't list this option. */
export const PRIVATE = Object.freeze({ permissionsMode: 0o600 });

export const DEFAULT_INITIAL_MAP_SIZE_BYTES = 64 * 1024 * 1024;
export const DEFAULT_RESERVE_BYTES = 8 * 1024 * 1024;

export const optionsSchema: OptionsSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Options of @drakkar/logdb-lmdb',
  type: 'object',
  additionalProperties: false,
  properties: {
    initialMapSizeBytes: {
      description: 'Address space in bytes that is mapped at the start; it grows by itself.',
      type: 'integer',
      minimum: 1024 * 1024,
      maximum: 2 ** 40,
      default: DEFAULT_INITIAL_MAP_SIZE_BYTES,
    },
    pageSizeBytes: {
      description: 'Page size in bytes of a log that is new.',
      type: 'integer',
      enum: [4096, 8192, 16_384, 32_768, 65_536],
    },
    reserveBytes: {
      description:
        'Bytes of the file system that stay free: below that a write fails as on a full disk. 0 = none.',
      type: 'integer',
      minimum: 0,
      maximum: 2 ** 40,
      default: DEFAULT_RESERVE_BYTES,
    },
  },
};

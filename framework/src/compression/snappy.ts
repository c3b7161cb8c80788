import { ErrUnsupported } from '@drakkar/raftio';
import type * as Snappy from 'snappy';
import { messageOf } from '../errors/inspect.js';

export type CompressionType = 'none' | 'snappy';

/** Up to this size the way to another thread and back takes longer than the work itself. */
const MAX_INLINE_BYTES = 32 * 1024;

/** Snappy's block format. */
export interface SnappyCodec {
  compress(data: Uint8Array): Promise<Uint8Array>;
  /**
   * Throws unless `data` is the compressed form of exactly `sizeBytes` bytes; allocates no more than that, whatever
   * `data` is.
   */
  decompress(data: Uint8Array, sizeBytes: number): Promise<Uint8Array>;
  /** As `compress`, in this turn: for data of the size of a command. */
  compressSync(data: Uint8Array): Uint8Array;
  /** As `decompress`, in this turn. */
  decompressSync(data: Uint8Array, sizeBytes: number): Uint8Array;
}

/** The length that stands at the beginning of a compressed block, as a varint of up to 32 bits. */
export function snappyLength(data: Uint8Array): number | undefined {
  let length = 0;
  for (let i = 0; i < 5 && i < data.length; i++) {
    const byte = data[i] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return length < 2 ** 32 ? length : undefined;
  }
  return undefined;
}

async function load(): Promise<SnappyCodec> {
  let snappy: typeof Snappy;
  try {
    snappy = await import('snappy');
  } catch (error) {
    throw new ErrUnsupported(`snappy can't be loaded on this platform: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const decompressSync = (data: Uint8Array, sizeBytes: number): Uint8Array => {
    checkDeclared(data, sizeBytes);
    return checkSize(snappy.uncompressSync(data, { asBuffer: true }), sizeBytes);
  };
  return {
    compress: async (data) =>
      data.length <= MAX_INLINE_BYTES ? snappy.compressSync(data) : await snappy.compress(data),
    decompress: async (data, sizeBytes) => {
      if (sizeBytes <= MAX_INLINE_BYTES) return decompressSync(data, sizeBytes);
      checkDeclared(data, sizeBytes);
      return checkSize(await snappy.uncompress(data, { asBuffer: true }), sizeBytes);
    },
    compressSync: (data) => snappy.compressSync(data),
    decompressSync,
  };
}

/** Before anything is allocated: snappy makes room for what the block declares. */
function checkDeclared(data: Uint8Array, sizeBytes: number): void {
  const declared = snappyLength(data);
  if (declared !== sizeBytes) throw new Error(`a block of ${declared} bytes, not ${sizeBytes}`);
}

function checkSize(raw: Uint8Array | string, sizeBytes: number): Uint8Array {
  if (typeof raw === 'string' || raw.length !== sizeBytes) throw new Error('a block of another size');
  return raw;
}

let loading: Promise<SnappyCodec> | undefined;

/**
 * Has large blocks worked on in the turn that asks for them, too, in this process from now on. Another thread takes the
 * time that it takes, and a simulator's time is its own.
 */
export async function useSnappyInTurn(): Promise<void> {
  const codec = await loadSnappy();
  loading = Promise.resolve({
    ...codec,
    compress: async (data) => await Promise.resolve(codec.compressSync(data)),
    decompress: async (data, sizeBytes) => await Promise.resolve(codec.decompressSync(data, sizeBytes)),
  });
}

/** Loaded when it is first needed: a host that does not compress runs without its native code. */
export function loadSnappy(): Promise<SnappyCodec> {
  loading ??= load();
  return loading;
}

/**
 * The bytes as a plain Uint8Array: what arrives are Buffers, whose `slice` has another meaning. Memory that was read
 * from a socket is never used again, so no copy is needed for safety; but a small piece of a large block is copied,
 * as an entry kept from it would keep the whole block.
 */
export function ownBytes(data: Uint8Array): Uint8Array {
  if (data.length * 2 < data.buffer.byteLength) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.length);
}

import type { FrameHead } from '@drakkar/raftio/transport';

const LENGTH_BITS = 0x7f;
const MASKED = 0x80;
const MASK_BYTES = 4;
/** Lengths that say that the length itself follows, in two or in eight bytes. */
const TWO_BYTES = 126;
const EIGHT_BYTES = 127;

/** The head of a WebSocket frame (RFC 6455, section 5.2). Throws for one whose mask hides what is in it. */
export function frameHead(bytes: Uint8Array): FrameHead {
  const [, second = 0] = bytes;
  const marker = second & LENGTH_BITS;
  const lengthBytes = marker === TWO_BYTES ? 2 : marker === EIGHT_BYTES ? 8 : 0;
  const isMasked = (second & MASKED) !== 0;
  const maskAt = 2 + lengthBytes;
  const headBytes = maskAt + (isMasked ? MASK_BYTES : 0);
  if (bytes.length < headBytes) return undefined;
  if (isMasked && bytes.subarray(maskAt, headBytes).some((byte) => byte !== 0)) {
    throw new RangeError('the frame is masked');
  }
  let batchBytes = lengthBytes === 0 ? marker : 0;
  for (const byte of bytes.subarray(2, maskAt)) batchBytes = batchBytes * 256 + byte;
  return { headBytes, batchBytes };
}

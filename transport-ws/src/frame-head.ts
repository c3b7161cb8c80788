import type { FrameHead } from '@drakkar/raftio/transport';

const LENGTH_BITS = 0x7f;
const MASKED = 0x80;
const MASK_BYTES = 4;
/** Lengths that say that the length itself follows, in two or in eight bytes. */
const TWO_BYTES = 126;
const EIGHT_BYTES = 127;

/** The head of a WebSocket frame (RFC 6455, section 5.2). Throws for one whose mask hides what is in it. */
export function frameHead(bytes: Uint8Array): FrameHead {
  const second = bytes.length > 1 ? (bytes[1] as number) : 0;
  const marker = second & LENGTH_BITS;
  const maskAt = marker === TWO_BYTES ? 4 : marker === EIGHT_BYTES ? 10 : 2;
  const isMasked = (second & MASKED) !== 0;
  const headBytes = isMasked ? maskAt + MASK_BYTES : maskAt;
  if (bytes.length < headBytes) return undefined;
  for (let at = maskAt; at < headBytes; at++) {
    if (bytes[at] !== 0) throw new RangeError('the frame is masked');
  }
  let batchBytes = maskAt === 2 ? marker : 0;
  for (let at = 2; at < maskAt; at++) batchBytes = batchBytes * 256 + (bytes[at] as number);
  return { headBytes, batchBytes };
}

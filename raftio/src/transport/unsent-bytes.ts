import type { Socket } from 'node:net';

/**
 * Bytes of a write under way that the operating system has not taken yet; 0 where Node.js does not say. No public
 * property has them: `bytesWritten` counts them as written. This one is what the socket timeouts of Node.js go by.
 */
export function unsentBytesOf(socket: Socket | undefined): number {
  const { _handle: handle } = (socket ?? {}) as { _handle?: { writeQueueSize?: number } | null };
  return handle?.writeQueueSize ?? 0;
}

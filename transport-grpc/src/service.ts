import type { Metadata, ServiceDefinition } from '@grpc/grpc-js';

/**
 * The service of Dragonboat v2.1.7's gRPC module. Both methods are streams of requests for which responses are
 * declared and never sent; the end of the call says how it went.
 */
export const MESSAGES_PATH = '/transportpb.Transport/RaftMessage';
export const SNAPSHOTS_PATH = '/transportpb.Transport/RaftSnapshot';
export type MethodPath = typeof MESSAGES_PATH | typeof SNAPSHOTS_PATH;

/**
 * Initial metadata of a server that pings its clients this often: silence for much longer means that it is gone. Peers
 * that do not say so, such as those in Go, are given up for being silent only while messages wait for them.
 */
export const PING_INTERVAL_HEADER = 'drakkar-ping-interval-ms';

/**
 * Metadata of a client, which asks to number the messages of a stream without TLS, and of a server that agrees. Hosts of
 * 0.1 and of Dragonboat do not.
 */
export const NUMBERED_HEADER = 'drakkar-numbered';
export const NUMBERED = '1';

/** Largest response that a client accepts: a `Response` has no fields. */
export const MAX_RESPONSE_BYTES = 1024;

const NOTHING = Buffer.alloc(0);

/** gRPC asks for Buffers; the memory is shared. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A header that comes twice, or not as text, says nothing. */
export function textOf(metadata: Metadata, header: string): string | undefined {
  const values = metadata.get(header);
  return values.length === 1 && typeof values[0] === 'string' ? values[0] : undefined;
}

export function ignoreResponse(): void {
  // Nothing in it.
}

/**
 * Requests pass as the bytes that raftio's codec makes and reads: outside, because a sender must know their size
 * before it queues them, and because a receiver must answer malformed ones with INVALID_ARGUMENT, where the library
 * would answer INTERNAL.
 */
function method(path: MethodPath): ServiceDefinition[string] {
  return {
    path,
    requestStream: true,
    responseStream: true,
    requestSerialize: asBuffer,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: () => NOTHING,
    responseDeserialize: ignoreResponse,
  };
}

export const transportService: ServiceDefinition = {
  RaftMessage: method(MESSAGES_PATH),
  RaftSnapshot: method(SNAPSHOTS_PATH),
};

/**
 * What travels between two hosts: one WebSocket per channel, opened by the sending side, binary frames only.
 *
 * - message channel: each frame is one encoded MessageBatch; nothing goes back;
 * - snapshot channel: each frame is one encoded SnapshotChunk, an empty frame ends the stream; back go frames of one
 *   byte, see `SnapshotReply`.
 */
export const MESSAGES_PATH = '/raft/v1/messages';
export const SNAPSHOTS_PATH = '/raft/v1/snapshots';
export type ChannelPath = typeof MESSAGES_PATH | typeof SNAPSHOTS_PATH;

/** Negotiated in the opening handshake: hosts that speak different versions part there, with a reason. */
export const SUBPROTOCOL = 'drakkar.v1';

/** Response header that tells a refused client why. */
export const REASON_HEADER = 'x-drakkar-reason';

/** WebSocket close codes (RFC 6455, section 7.4.1). */
export const CloseCode = Object.freeze({
  Normal: 1000,
  UnsupportedData: 1003,
  InvalidPayload: 1007,
  PolicyViolation: 1008,
} as const);
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/** Frames of the receiver of a snapshot, one byte each. */
export const SnapshotReply = Object.freeze({
  /** The oldest chunk not yet answered was taken. */
  Taken: 1,
  /** A chunk was refused: the stream is over. */
  Refused: 2,
  /** The end marker was reached and every chunk before it was taken. */
  Done: 3,
} as const);

export const SNAPSHOT_END: Uint8Array = new Uint8Array(0);

/** Largest frame that a client accepts: replies only. */
export const MAX_REPLY_BYTES = 16;

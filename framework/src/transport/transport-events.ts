export interface ConnectionEvent {
  /** Raft address of the other host. */
  address: string;
}

export interface MessageDamagedEvent {
  /** `entry`: its batch arrived intact, so the memory or disk of the sender is suspect, not the network. */
  part: 'batch' | 'chunk' | 'entry';
  /** Network address of its connection, which was closed. */
  peer: string;
  /** Raft address that the sender gave when it connected. */
  address: string | undefined;
}

export interface ConnectionFailedEvent extends ConnectionEvent {
  /** Undefined: the connection ended without an error. */
  error: Error | undefined;
}

/** Events of the connections to other hosts. */
export interface TransportEvents {
  /** A connection to another host is established. */
  connectionEstablished: ConnectionEvent;
  /**
   * A connection broke or could not be made. A further failed attempt is reported only if it fails for a new reason.
   */
  connectionFailed: ConnectionFailedEvent;
  /**
   * The checksum of a received batch of messages, snapshot chunk or entry did not match; it was discarded.
   */
  messageDamaged: MessageDamagedEvent;
}

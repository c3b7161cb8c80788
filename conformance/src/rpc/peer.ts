/** What a host in a process of its own tells of itself. */
export interface PeerReport {
  /** Batches that its connection has taken. */
  taken: number;
  /** Batches that its request handler was given. */
  delivered: number;
  /** Whether these came numbered 1, 2, 3, without gap or repetition, every byte as it was sent. */
  isWhole: boolean;
  /** Most memory that its process has taken since `mark`, in bytes. */
  grownBytes: number;
  /** The most that was set aside for bytes since `mark`, whether or not anything was written there. */
  reservedBytes: number;
}

/** A host in a process of its own, which can be stopped in its tracks and killed. */
export interface Peer {
  readonly address: string;
  /** Connects to `target` and sends it numbered batches, one after the other, until there are `total` in all. */
  send(target: string, total: number): void;
  /** Sends no more. */
  rest(): void;
  /** Makes the request handler take so long for each batch. */
  slowDown(handlerMs: number): void;
  /** From here on growth of memory is measured. */
  mark(): Promise<void>;
  report(): Promise<PeerReport>;
  /** SIGSTOP: the process is there, and does nothing. */
  freeze(): void;
  thaw(): void;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
}

export type PeerCommand =
  | { send: { target: string; total: number } }
  | { rest: true }
  | { slowDown: number }
  | { mark: true }
  | { report: true };

export interface PeerTask {
  module: string;
  options: Readonly<Record<string, unknown>>;
  address: string;
}

export type PeerLine = { ready: true } | { report: PeerReport } | { failed: string };

/** Size of a batch's payload, and of the buffer that a peer is configured with. */
export const PEER_BATCH_BYTES = 128 * 1024;
export const PEER_BUFFER_BYTES = 8 * 1024 * 1024;

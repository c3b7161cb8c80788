import type { Newcomers } from '@drakkar/raftio/transport';

/** In the order in which `auto` would have them; `webtransport-h2` only on request. */
export const ENGINE_NAMES = ['webtransport', 'quic', 'webtransport-h2'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

export interface ChannelHandlers {
  /** Bytes as they arrive, in order. They are the handler's to keep. */
  onData: (bytes: Uint8Array) => void;
  /** Called once: nothing more will come. The reason is undefined when the peer has ended the stream in order. */
  onEnd: (reason: Error | undefined) => void;
}

/**
 * One stream of bytes each way between two hosts, in a session of its own, encrypted by TLS. What an engine gives;
 * everything else (frames, credit, signs of life, who the peer is) is the same for all of them.
 */
export interface Channel {
  /** Who is at the other end as far as the engine knows, for messages. */
  readonly peer: string;
  /** Resolves when nothing of the session is left in this process. */
  readonly closed: Promise<void>;
  /** To be called once, in the turn in which the channel was made. */
  attach(handlers: ChannelHandlers): void;
  /**
   * Packets that have arrived in the session, where the engine counts them: a sign of life while the stream stands still
   * because a datagram was lost.
   */
  packetsRead(): number | undefined;
  /** Never throws and never waits: the caller bounds what is on its way. The bytes must not change any more. */
  write(bytes: Uint8Array): void;
  /**
   * Ends the stream in order: what was written is still sent if the peer takes it soon. What arrives is dropped. The
   * session ends when the peer ends it, or after `closeTimeoutMs`.
   */
  close(): void;
  /** Ends the session at once. Idempotent. */
  destroy(): void;
  /**
   * Of the listening side, with mutual TLS: the SHA-256 of a throwaway certificate whose key was used in this session's
   * TLS handshake, and which both sides can know. It says which session this is, not who the peer is. Undefined when
   * there is none.
   */
  binding(): Uint8Array | undefined;
  /** Of the dialling side: whether `binding` is what the TLS handshake of this session had, as seen from here. */
  confirms(binding: Uint8Array): boolean;
}

export interface ConnectRequest {
  /** Name or IP address. */
  host: string;
  port: number;
  /** Whether the session must have a binding, by which the two hosts then prove themselves. */
  mutualTLS: boolean;
  timeoutMs: number;
  signal: AbortSignal;
}

export interface ListenRequest {
  host: string;
  port: number;
  /** `host` and `port` as they were configured, for messages. */
  address: string;
  mutualTLS: boolean;
  /** Sessions held at a time, including those that have not opened their stream yet. */
  maxSessions: number;
  /** Those among them that have not opened their stream yet, and channels that are being welcomed. */
  newcomers: Newcomers;
  /** Called with each channel that a client has opened, in the turn in which it was made. */
  onChannel: (channel: Channel) => void;
  /** A client was refused below the level of channels. */
  onRefused: (reason: string, peer: string) => void;
}

export interface EngineListener {
  /** Ends every session and frees the port. */
  close(): Promise<void>;
}

export interface EngineOptions {
  handshakeTimeoutMs: number;
  closeTimeoutMs: number;
  deadPeerTimeoutMs: number;
}

export interface Engine {
  readonly name: EngineName;
  /**
   * Rejects with an error that says what went wrong. What was begun is undone when it rejects. Who the peer is has not
   * been checked when it resolves.
   */
  connect(request: ConnectRequest): Promise<Channel>;
  /** Rejects with ErrAddressInUse or ErrInvalidAddress. */
  listen(request: ListenRequest): Promise<EngineListener>;
}

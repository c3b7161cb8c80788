import { type IdentityFiles, type Warnings, parseAddress } from '@drakkar/raftio/transport';
import type { Identity } from '@drakkar/raftio/transport';
import type { Channel, Engine, EngineListener } from './engine.js';
import { NotWelcome, type Self, welcome } from './handshake.js';
import type { Link } from './link.js';
import type { ResolvedOptions } from './options.js';
import type { ChannelKind } from './protocol/hello.js';

export interface ListenerConfig {
  listenAddress: string;
  options: ResolvedOptions;
  /** Present when clients must prove themselves. */
  identityFiles: IdentityFiles | undefined;
  warnings: Warnings;
  /** Called with each link that a client has opened, in the turn in which it was made. */
  onLink: (kind: ChannelKind, link: Link) => void;
}

/** The listening side: welcomes those who come, and goes with the files of mutual TLS when they change. */
export class Listener {
  readonly #config: ListenerConfig;
  readonly #stopping = new AbortController();
  readonly #welcoming = new Set<Promise<unknown>>();
  /** Channels that are being welcomed, or that a link was made of. */
  readonly #channels = new Set<Channel>();
  #listener: EngineListener | undefined;
  #identity: Identity | undefined;
  #checkTimer: NodeJS.Timeout | undefined;

  constructor(config: ListenerConfig) {
    this.#config = config;
  }

  /** Rejects with ErrInvalidAddress, ErrAddressInUse or ErrTLS. */
  async start(engine: Engine, self: Self): Promise<void> {
    const { listenAddress, identityFiles, options } = this.#config;
    const { host, port } = parseAddress(listenAddress);
    const identity = await identityFiles?.current();
    if (this.#stopping.signal.aborted) return;
    this.#identity = identity;
    this.#listener = await engine.listen({
      host,
      port,
      address: listenAddress,
      identity,
      maxSessions: options.maxConnections,
      onChannel: (channel) => {
        this.#accept(channel, self);
      },
      onRefused: (reason, peer) => {
        this.#config.warnings.warn('handshake', reason, { peer });
      },
    });
    if (identityFiles === undefined || this.#stopping.signal.aborted) return;
    this.#checkTimer = setInterval(() => {
      identityFiles.current().then(
        (latest) => this.useIdentity(latest),
        () => undefined,
      );
    }, options.certificateCheckMs);
    this.#checkTimer.unref();
  }

  /** Cuts every connection and stops listening. Resolves when all of it is gone. */
  async stop(): Promise<void> {
    clearInterval(this.#checkTimer);
    this.#stopping.abort();
    const channels = [...this.#channels];
    for (const channel of channels) channel.destroy();
    await Promise.allSettled(this.#welcoming);
    await this.#listener?.close();
    await Promise.all(channels.map(({ closed }) => closed));
  }

  /** To be called with the identity that is in the files now. */
  async useIdentity(identity: Identity): Promise<void> {
    if (identity === this.#identity || this.#listener === undefined) return;
    this.#identity = identity;
    try {
      await this.#listener.useIdentity(identity);
    } catch (error) {
      this.#identity = undefined;
      const { message } = error as Error;
      this.#config.warnings.warn('certificates', `listening with the changed TLS files failed: ${message}`, { error });
    }
  }

  #accept(channel: Channel, self: Self): void {
    this.#channels.add(channel);
    void channel.closed.then(() => {
      this.#channels.delete(channel);
    });
    const welcoming = this.#welcome(channel, self).catch((error: unknown) => {
      if (this.#stopping.signal.aborted || isForLater(error)) return;
      const { message, cause } = error as Error;
      this.#config.warnings.warn('handshake', message, {
        peer: channel.peer,
        ...(cause === undefined ? {} : { error: cause }),
      });
      if (!(error instanceof NotWelcome)) channel.destroy();
    });
    this.#welcoming.add(welcoming);
    void welcoming.finally(() => this.#welcoming.delete(welcoming));
  }

  #welcome(channel: Channel, self: Self): Promise<void> {
    const { identityFiles, options } = this.#config;
    return welcome(
      channel,
      {
        self,
        identity: identityFiles && (() => this.#currentIdentity(identityFiles, channel)),
        timeoutMs: options.handshakeTimeoutMs,
        signal: this.#stopping.signal,
      },
      (kind, link) => {
        this.#config.onLink(kind, link);
      },
    );
  }

  /** The identity as the files have it now. Rejects when the session of the channel was made by another and can't stay. */
  async #currentIdentity(files: IdentityFiles, channel: Channel): Promise<Identity> {
    const identity = await files.current();
    if (identity === this.#identity) return identity;
    if (this.#listener?.endsSessionsFor(identity) === true) {
      // The client is told first, so that it comes back at once.
      void channel.closed.then(() => this.useIdentity(identity));
      const reason = 'its TLS files have just changed';
      throw new NotWelcome(reason, { code: 'again', reason });
    }
    await this.useIdentity(identity);
    return identity;
  }
}

function isForLater(error: unknown): boolean {
  return error instanceof NotWelcome && error.told.code === 'again';
}

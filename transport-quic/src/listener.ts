import { setMaxListeners } from 'node:events';
import {
  type IdentityFiles,
  type Guests,
  Newcomers,
  type PeerCredentials,
  type Warnings,
  parseAddress,
} from '@drakkar/raftio/transport';
import type { Channel, Engine, EngineListener } from './engine.js';
import type { Self } from './handshake/terms.js';
import { NotWelcome, welcome } from './handshake/welcome.js';
import type { Link } from './link.js';
import type { ResolvedOptions } from './options.js';
import type { ChannelKind } from './protocol/hello.js';

export interface ListenerConfig {
  listenAddress: string;
  options: ResolvedOptions;
  /** Present when clients must prove themselves. */
  identityFiles: IdentityFiles | undefined;
  guests: Guests;
  warnings: Warnings;
  /** Called with each link that a client has opened, in the turn in which it was made. */
  onLink: (kind: ChannelKind, link: Link, credentials: PeerCredentials | undefined) => void;
}

/** The listening side: welcomes those who come. */
export class Listener {
  readonly #config: ListenerConfig;
  readonly #stopping = new AbortController();
  readonly #welcoming = new Set<Promise<unknown>>();
  /** Channels that are being welcomed, or that a link was made of. */
  readonly #channels = new Set<Channel>();
  readonly #newcomers: Newcomers;
  #listener: EngineListener | undefined;

  constructor(config: ListenerConfig) {
    this.#config = config;
    this.#newcomers = new Newcomers(config.options.maxConnections);
    // Every handshake under way listens to it.
    setMaxListeners(0, this.#stopping.signal);
  }

  /** Rejects with ErrInvalidAddress, ErrAddressInUse or ErrTLS. */
  async start(engine: Engine, self: Self): Promise<void> {
    const { listenAddress, identityFiles, options } = this.#config;
    const { host, port } = parseAddress(listenAddress);
    // Files that can't be used are told of now, not by the first client.
    await identityFiles?.current();
    if (this.#stopping.signal.aborted) return;
    this.#listener = await engine.listen({
      host,
      port,
      address: listenAddress,
      mutualTLS: identityFiles !== undefined,
      maxSessions: options.maxConnections,
      newcomers: this.#newcomers,
      onChannel: (channel) => {
        this.#accept(channel, self);
      },
      onRefused: (reason, peer) => {
        this.#config.warnings.warn('handshake', reason, { peer });
      },
    });
  }

  /** Cuts every connection and stops listening. Resolves when all of it is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const channels = [...this.#channels];
    for (const channel of channels) channel.destroy();
    await Promise.allSettled(this.#welcoming);
    await this.#listener?.close();
    await Promise.all(channels.map(({ closed }) => closed));
  }

  #accept(channel: Channel, self: Self): void {
    this.#channels.add(channel);
    const leave = this.#newcomers.enter(() => {
      const { peer } = channel;
      this.#config.warnings.warn('handshake', 'a client was cut in its handshake: too many are at it', {
        peer,
      });
      channel.destroy();
    });
    void channel.closed.then(() => {
      this.#channels.delete(channel);
    });
    const welcoming = this.#welcome(channel, self).catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return;
      const { message, cause } = error as Error;
      this.#config.warnings.warn('handshake', message, {
        peer: channel.peer,
        ...(cause === undefined ? {} : { error: cause }),
      });
      if (!(error instanceof NotWelcome)) channel.destroy();
    });
    this.#welcoming.add(welcoming);
    void welcoming.finally(() => {
      leave();
      this.#welcoming.delete(welcoming);
    });
  }

  #welcome(channel: Channel, self: Self): Promise<void> {
    const { identityFiles, options } = this.#config;
    return welcome(
      channel,
      {
        self,
        identity: identityFiles && (() => identityFiles.current()),
        timeoutMs: options.handshakeTimeoutMs,
        signal: this.#stopping.signal,
      },
      (kind, link, { from, credentials }) => {
        const claim = { from, identity: credentials?.identity, peer: channel.peer };
        void channel.closed.then(this.#config.guests.enter(claim, () => channel.destroy()));
        this.#config.onLink(kind, link, credentials);
      },
    );
  }
}

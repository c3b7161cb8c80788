import { ErrConnectFailed, ErrConnectionClosed, ErrInvalidAddress } from '@drakkar/raftio';
import type { Link } from '../rpc/link.js';
import { Gate } from '../rpc/recording-sink.js';
import { splitAddress } from '../rpc/address.js';
import { turn } from '../suite/wait.js';

/** Something that can be connected to at the hub. */
export interface Listener {
  /** Hands over one encoded batch. */
  receive(bytes: Uint8Array): void;
  /** Opens an incoming snapshot stream. */
  openSink(): InboundStream;
  /** Told of each connection made to it, so that its stop can end them. */
  attach(end: () => void): () => void;
}

export interface InboundStream {
  /** Resolves to whether the chunk was taken. */
  take(bytes: Uint8Array): Promise<boolean>;
  close(): void;
}

const LAST_PORT = 65_535;

export function isAddress(address: string): boolean {
  const { host, port } = splitAddress(address);
  return /^[\w.[\]:-]+$/.test(host) && Number.isInteger(port) && port > 0 && port <= LAST_PORT;
}

/** A way to a listener, obstructed or not. */
export class MemoryLink implements Link {
  readonly #cuts = new Set<() => void>();
  readonly #hub: MemoryHub;
  #gate: Gate | undefined = undefined;
  #silence: NodeJS.Timeout | undefined = undefined;

  constructor(
    readonly address: string,
    readonly target: string,
    hub: MemoryHub,
  ) {
    this.#hub = hub;
  }

  /** Connections through it, and attempts, are given up when it stays paused. */
  pause(): void {
    this.#gate ??= new Gate();
    this.#silence ??= setTimeout(() => {
      this.cut();
    }, this.#hub.givesUpMs);
    this.#silence.unref();
  }

  resume(): void {
    clearTimeout(this.#silence);
    this.#silence = undefined;
    this.#gate?.open();
    this.#gate = undefined;
  }

  cut(): void {
    for (const cut of [...this.#cuts]) cut();
  }

  close(): Promise<void> {
    this.cut();
    this.resume();
    this.#hub.links.delete(this.address);
    return Promise.resolve();
  }

  /** Waits while nothing passes. */
  async pass(): Promise<void> {
    while (this.#gate !== undefined) await this.#gate.opened;
  }

  /** Waits while nothing passes; rejects when that is given up. */
  async reach(): Promise<void> {
    let forget: () => void = () => undefined;
    const given = new Promise<never>((_resolve, reject) => {
      forget = this.onCut(() => {
        reject(new ErrConnectFailed(`${this.address} does not answer`));
      });
    });
    try {
      await Promise.race([this.pass(), given]);
    } finally {
      forget();
    }
  }

  onCut(cut: () => void): () => void {
    this.#cuts.add(cut);
    return () => this.#cuts.delete(cut);
  }
}

const GIVES_UP_MS = 5000;

/** Stands for the network: who listens where, and the links in front of them. */
export class MemoryHub {
  /** How long a peer may be silent before it is given up. */
  givesUpMs = GIVES_UP_MS;
  readonly listeners = new Map<string, Listener>();
  readonly links = new Map<string, MemoryLink>();
  #nextPort = 20_000;

  newAddress(): string {
    this.#nextPort += 1;
    return `127.0.0.1:${this.#nextPort}`;
  }

  link(target: string): MemoryLink {
    const link = new MemoryLink(this.newAddress(), target, this);
    this.links.set(link.address, link);
    return link;
  }

  /** Finds who listens at `target`, through a link if there is one. */
  async reach(
    target: string,
    signal: AbortSignal,
  ): Promise<{ listener: Listener; link: MemoryLink | undefined }> {
    if (!isAddress(target)) throw new ErrInvalidAddress(`not an address: "${target}"`);
    const link = this.links.get(target);
    await Promise.race([link?.reach() ?? turn(), aborted(signal)]);
    signal.throwIfAborted();
    const listener = this.listeners.get(link?.target ?? target);
    if (listener === undefined) throw new ErrConnectFailed(`nobody listens at ${target}`);
    return { listener, link };
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else
      signal.addEventListener(
        'abort',
        () => {
          resolve();
        },
        { once: true },
      );
  });
}

interface Waiting {
  bytes: Uint8Array;
  resolve: () => void;
  reject: (error: Error) => void;
}

/**
 * The sending end of a channel: a queue that takes up to a number of bytes before it makes the sender wait, and
 * hands on one item after the other.
 */
export class Channel {
  readonly closed: Promise<Error | undefined>;
  readonly #handOn: (bytes: Uint8Array) => Promise<void>;
  readonly #link: MemoryLink | undefined;
  readonly #bufferBytes: number;
  readonly #queue: Waiting[] = [];
  #queuedBytes = 0;
  #running = false;
  #end: { reason: Error | undefined } | undefined = undefined;
  #settleClosed: (reason: Error | undefined) => void = () => undefined;
  #drained: (() => void)[] = [];

  constructor(
    handOn: (bytes: Uint8Array) => Promise<void>,
    link: MemoryLink | undefined,
    bufferBytes: number,
  ) {
    this.#handOn = handOn;
    this.#link = link;
    this.#bufferBytes = bufferBytes;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  get isClosed(): boolean {
    return this.#end !== undefined;
  }

  /** Resolves when there is room for more. */
  send(bytes: Uint8Array): Promise<void> {
    if (this.#end !== undefined) return Promise.reject(this.#error());
    return new Promise((resolve, reject) => {
      this.#queuedBytes += bytes.length;
      this.#queue.push({ bytes, resolve, reject });
      if (this.#queuedBytes <= this.#bufferBytes) resolve();
      void this.#run();
    });
  }

  /** Resolves when everything sent has been handed on. */
  async drain(): Promise<void> {
    while (this.#end === undefined && this.#queue.length > 0) {
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    }
    if (this.#end !== undefined) throw this.#error();
  }

  end(reason?: Error): void {
    if (this.#end !== undefined) return;
    this.#end = { reason };
    for (const { reject } of this.#queue.splice(0)) reject(this.#error());
    this.#wakeDrained();
    this.#settleClosed(reason);
  }

  #error(): ErrConnectionClosed {
    return new ErrConnectionClosed(undefined, { cause: this.#end?.reason });
  }

  #grantRoom(): void {
    if (this.#queuedBytes <= this.#bufferBytes) for (const { resolve } of this.#queue) resolve();
  }

  #wakeDrained(): void {
    for (const wake of this.#drained.splice(0)) wake();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    while (this.#queue.length > 0) {
      await turn();
      await this.#link?.pass();
      const next = this.#queue[0];
      if (next === undefined || this.isClosed) break;
      await this.#handOn(next.bytes);
      if (this.isClosed) break;
      this.#queue.shift();
      const wasFull = this.#queuedBytes > this.#bufferBytes;
      this.#queuedBytes -= next.bytes.length;
      next.resolve();
      if (wasFull) this.#grantRoom();
      if (this.#queue.length === 0) this.#wakeDrained();
    }
    this.#running = false;
  }
}

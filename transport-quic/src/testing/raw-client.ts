import { chooseEngine } from '../choose-engine.js';
import type { Channel, EngineName } from '../engine.js';
import { FramePort } from '../protocol/frame-port.js';
import { FrameType, makeFrame } from '../protocol/frames.js';
import { type Hello, PROTOCOL, encodeHello, newNonce } from '../protocol/hello.js';
import { until } from '@drakkar/raftio/transport/testing';

const ENGINE_OPTIONS = { handshakeTimeoutMs: 5000, closeTimeoutMs: 500, deadPeerTimeoutMs: 10_000 };

export interface HeardFrame {
  type: FrameType;
  payload: Uint8Array;
}

/** A client that can say anything, in frames or not, at the right moment or not. */
export class RawClient {
  readonly heard: HeardFrame[] = [];
  ended = false;
  readonly channel: Channel;
  readonly port: FramePort;

  private constructor(channel: Channel) {
    this.channel = channel;
    this.port = new FramePort(channel, {
      onFrame: (type, payload) => this.heard.push({ type, payload: new Uint8Array(payload) }),
      onEnd: () => {
        this.ended = true;
        channel.destroy();
      },
    });
  }

  static async connect(engine: EngineName, target: string, mutualTLS = false): Promise<RawClient> {
    const { engine: chosen } = await chooseEngine(engine, ENGINE_OPTIONS);
    const at = target.lastIndexOf(':');
    const channel = await chosen.connect({
      host: target.slice(0, at),
      port: Number(target.slice(at + 1)),
      mutualTLS,
      timeoutMs: 5000,
      signal: new AbortController().signal,
    });
    return new RawClient(channel);
  }

  /** A client that has been let in, at a host without mutual TLS. */
  static async greeted(engine: EngineName, target: string, hello: Partial<Hello> = {}): Promise<RawClient> {
    const client = await RawClient.connect(engine, target);
    client.send(FrameType.Hello, encodeHello(helloFor(engine, target, hello)));
    await client.hears(FrameType.Ready);
    return client;
  }

  write(bytes: Uint8Array): void {
    this.channel.write(bytes);
  }

  send(type: FrameType, payload?: Uint8Array): void {
    this.channel.write(makeFrame(type, payload));
  }

  frame(type: FrameType): HeardFrame | undefined {
    return this.heard.find((each) => each.type === type);
  }

  async hears(type: FrameType): Promise<Uint8Array> {
    await until(`a frame of type ${type}`, () => this.ended || this.frame(type) !== undefined);
    const frame = this.frame(type);
    if (frame === undefined) throw new Error(`ended without a frame of type ${type}`);
    return frame.payload;
  }

  /** Resolves when the host has ended the stream. */
  async endsSoon(): Promise<void> {
    await until('the host ends the connection', () => this.ended);
  }

  async close(): Promise<void> {
    this.channel.destroy();
    await this.channel.closed;
  }
}

export function helloFor(engine: EngineName, to: string, change: Partial<Hello> = {}): Hello {
  return {
    protocol: PROTOCOL,
    engine,
    kind: 'messages',
    deploymentID: 1,
    from: '127.0.0.1:1',
    to,
    mutualTLS: false,
    nonce: newNonce(),
    binding: '',
    windowBytes: 1024 * 1024,
    creditStepBytes: 1024,
    ...change,
  };
}

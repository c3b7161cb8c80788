import { EventEmitter } from 'node:events';
import type { QuicStream } from '@currentspace/http3';
import { describe, expect, it } from '@jest/globals';
import { QuicChannel } from './quic-channel.js';

/** As the library's streams in what is used of them; knows whether it is handing out data. */
class Stream extends EventEmitter {
  destroyed = false;
  isHandingOut = false;
  readonly calls: string[] = [];

  handOut(): void {
    this.isHandingOut = true;
    this.emit('data', Buffer.from('in'));
    this.isHandingOut = false;
  }

  write(bytes: Buffer): void {
    this.#note(bytes.toString());
  }

  end(): void {
    this.#note('end');
  }

  #note(what: string): void {
    this.calls.push(this.isHandingOut ? `${what} too early` : what);
  }
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function open(onData: (channel: QuicChannel) => void): { stream: Stream; channel: QuicChannel } {
  const stream = new Stream();
  const channel = new QuicChannel(stream as unknown as QuicStream, {
    peer: 'peer',
    end: (done) => {
      done();
    },
    closeTimeoutMs: 10,
    packetsRead: () => undefined,
    clientFingerprint: undefined,
  });
  channel.attach({ onData: () => onData(channel), onEnd: () => undefined });
  return { stream, channel };
}

describe('a channel of raw QUIC', () => {
  it('writes what is asked for during a read when the read is over, in order', async () => {
    const { stream, channel } = open((self) => {
      self.write(Buffer.from('1'));
      self.write(Buffer.from('2'));
    });
    channel.write(Buffer.from('0'));
    stream.handOut();
    channel.write(Buffer.from('3'));
    expect(stream.calls).toEqual(['0']);
    await nextTurn();
    expect(stream.calls).toEqual(['0', '1', '2', '3']);
    channel.destroy();
  });

  it('ends behind what was written during a read', async () => {
    const { stream, channel } = open((self) => {
      self.write(Buffer.from('1'));
      self.close();
    });
    stream.handOut();
    await nextTurn();
    expect(stream.calls).toEqual(['1', 'end']);
    await channel.closed;
  });

  it('drops what waits when the stream is destroyed', async () => {
    const { stream } = open((self) => self.write(Buffer.from('1')));
    stream.handOut();
    stream.destroyed = true;
    await nextTurn();
    expect(stream.calls).toEqual([]);
  });
});

import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Method } from './frames.js';
import { Link } from './link.js';

/** A socket of which the system takes what a test says. */
class FakeSocket extends EventEmitter {
  readonly writable = true;
  readonly _handle = { writeQueueSize: 0 };
  destroyed = false;

  get writableLength(): number {
    return this._handle.writeQueueSize;
  }

  write(bytes: Uint8Array): void {
    this._handle.writeQueueSize += bytes.length;
  }

  cork(): void {
    // Nothing leaves by itself.
  }

  uncork(): void {
    // Nothing leaves by itself.
  }

  setTimeout(): void {
    // A test says when it is over.
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function setUp(): { socket: FakeSocket; link: Link; stall: (count: number) => boolean } {
  const socket = new FakeSocket();
  const options = { peers: 'dragonboat', deadPeerTimeoutMs: 10_000, closeTimeoutMs: 1000 } as const;
  const handlers = { limitOf: () => undefined, onFrame: () => undefined, onClosed: () => undefined };
  const link = new Link(socket as unknown as Socket, 'peer:1', options, handlers);
  const stall = (count: number): boolean => {
    for (let i = 0; i < count; i += 1) socket.emit('timeout');
    return link.isOpen;
  };
  return { socket, link, stall };
}

describe('a link to a host of Dragonboat', () => {
  it('stays while a large message goes by a slow line, of which the system takes much at a time', () => {
    const { socket, link, stall } = setUp();
    link.send(Method.Batch, new Uint8Array(100_000));
    for (let left = 90_000; left > 0; left -= 10_000) {
      socket._handle.writeQueueSize = left;
      expect(stall(3)).toBe(true);
    }
    expect(stall(1)).toBe(false);
  });

  it('stays while nothing is under way, however long', () => {
    const { socket, link, stall } = setUp();
    for (let round = 0; round < 3; round += 1) {
      link.send(Method.Batch, new Uint8Array(100));
      expect(stall(3)).toBe(true);
      socket._handle.writeQueueSize = 0;
      expect(stall(100)).toBe(true);
    }
  });

  it('ends with how long nothing was sent', async () => {
    const { link, stall } = setUp();
    link.send(Method.Batch, new Uint8Array(100));
    stall(4);
    expect((await link.closed)?.message).toContain('nothing passed to or from peer:1 for 40000 ms');
  });
});

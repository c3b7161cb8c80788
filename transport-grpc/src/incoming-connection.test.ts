import { EventEmitter } from 'node:events';
import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { IncomingConnection } from './incoming-connection.js';
import type { IncomingStream } from './incoming-stream.js';

const MAX_SILENT_SWEEPS = 3;

/** A socket on which bytes come and go as a test says. */
class FakeSocket extends EventEmitter {
  bytesRead = 0;
  bytesWritten = 0;
  destroyed = false;
  readonly remoteAddress = '10.0.0.1';
  readonly remotePort = 7;

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

/** A session whose pings are answered when a test says so. */
class FakeSession {
  destroyed = false;
  state = { outboundQueueSize: 0, effectiveLocalWindowSize: 1000 };
  readonly pings: (() => void)[] = [];

  setLocalWindowSize(sizeBytes: number): void {
    this.state.effectiveLocalWindowSize = sizeBytes;
  }

  ping(answered: () => void): boolean {
    this.pings.push(answered);
    return true;
  }
}

const connections: FakeSocket[] = [];
afterEach(() => {
  for (const socket of connections.splice(0)) socket.destroy();
});

function setUp({ isPlain = true, closeTimeoutMs = 60_000, onSettled = (): unknown => undefined } = {}) {
  const socket = new FakeSocket();
  connections.push(socket);
  const session = new FakeSession();
  const connection = new IncomingConnection(socket as unknown as Socket, {
    handshakeTimeoutMs: 60_000,
    closeTimeoutMs,
    isPlain,
    onDawdling: () => undefined,
    onSettled,
  });
  connection.watch(session as unknown as ServerHttp2Session);
  const first = {} as IncomingStream;
  connection.add(first, true);
  /** So many bytes come, and go, before each of `count` sweeps. */
  const sweeps = (count: number, bytes: number, before: () => void = () => undefined): void => {
    for (let i = 0; i < count && !socket.destroyed; i++) {
      socket.bytesRead += bytes;
      socket.bytesWritten += bytes;
      before();
      connection.sweep(MAX_SILENT_SWEEPS);
    }
  };
  const answer = (): void => {
    for (const answered of session.pings.splice(0)) answered();
  };
  return { socket, session, connection, first, sweeps, answer };
}

describe('a connection without TLS whose client', () => {
  it('is ended when its client sends and does not answer pings: it does not hear', () => {
    const { socket, sweeps, connection } = setUp();
    sweeps(MAX_SILENT_SWEEPS, 1_000, () => connection.heardMessage());
    expect(socket.destroyed).toBe(false);
    sweeps(1, 1_000, () => connection.heardMessage());
    expect(socket.destroyed).toBe(true);
  });

  it('stays when its client answers late, since much is on its way', () => {
    const { socket, sweeps } = setUp();
    sweeps(100, 1_000_000);
    expect(socket.destroyed).toBe(false);
  });

  it('is ended when its client sends a little all the time, of which no message is made', () => {
    const { socket, sweeps, answer } = setUp();
    sweeps(4 * MAX_SILENT_SWEEPS - 1, 1_000, answer);
    expect(socket.destroyed).toBe(false);
    sweeps(1, 1_000, answer);
    expect(socket.destroyed).toBe(true);
  });

  it('is ended when its client shows signs of life in the midst of a message that does not go on', () => {
    const { socket, sweeps, answer, connection } = setUp();
    const watch = { isMidBatch: true, isLost: false, framesWithin: 0 };
    connection.watchMessages(watch);
    sweeps(4 * MAX_SILENT_SWEEPS - 1, 40, answer);
    sweeps(1, 40, () => {
      answer();
      connection.heardMessage();
    });
    watch.isMidBatch = false;
    sweeps(100, 40, answer);
    watch.isMidBatch = true;
    sweeps(4 * MAX_SILENT_SWEEPS - 1, 40, answer);
    expect(socket.destroyed).toBe(false);
    sweeps(1, 40, answer);
    expect(socket.destroyed).toBe(true);
  });

  it('stays while a large message comes by a slow line, whatever is held up by it', () => {
    const { socket, sweeps, connection } = setUp();
    connection.watchMessages({ isMidBatch: true, isLost: false, framesWithin: 1 });
    sweeps(100, 8_000);
    expect(socket.destroyed).toBe(false);
  });

  it('is ended when messages come of which one takes in the others', () => {
    const { socket, sweeps, answer, connection } = setUp();
    connection.watchMessages({ isMidBatch: true, isLost: false, framesWithin: 2 });
    sweeps(4 * MAX_SILENT_SWEEPS - 1, 8_000, answer);
    expect(socket.destroyed).toBe(false);
    sweeps(1, 8_000, answer);
    expect(socket.destroyed).toBe(true);
  });

  it('is ended when what its client sends is no message', () => {
    const { socket, sweeps, connection } = setUp();
    const watch = { isMidBatch: false, isLost: true, framesWithin: 0 };
    connection.watchMessages(watch);
    connection.unwatchMessages(watch);
    sweeps(1, 1_000);
    expect(socket.destroyed).toBe(false);
    connection.watchMessages(watch);
    sweeps(1, 1_000);
    expect(socket.destroyed).toBe(true);
  });

  it.each([
    ['messages that come whole', 1_000, true],
    ['signs of life alone', 40, false],
    ['a large message on a slow line', 50_000, false],
  ])('stays when its client sends %s', (_what, bytes, isWhole) => {
    const { socket, sweeps, answer, connection } = setUp();
    sweeps(1_000, bytes, () => {
      answer();
      if (isWhole) connection.heardMessage();
    });
    expect(socket.destroyed).toBe(false);
  });
});

describe('a client', () => {
  it('hears that this host is there while its answers wait behind what it sends', () => {
    const { session, sweeps } = setUp({ isPlain: false });
    sweeps(3, 40);
    expect(session.state.effectiveLocalWindowSize).toBe(1000);
    sweeps(3, 8_000);
    expect(session.state.effectiveLocalWindowSize).toBe(1003);
  });

  it('is cut when something is stuck, and not for a sign of life that leaves with what is sent next', async () => {
    const { session, socket, sweeps } = setUp({ isPlain: false });
    sweeps(1, 200);
    session.state.outboundQueueSize = 1;
    sweeps(1, 0);
    for (let i = 0; i < 3; i++) await nextTurn();
    expect(socket.destroyed).toBe(false);
    session.state.outboundQueueSize = 2;
    sweeps(1, 0);
    for (let i = 0; i < 3; i++) await nextTurn();
    expect(socket.destroyed).toBe(true);
  });

  it('never has more than one sign of life waiting, which does not cut it', async () => {
    const { session, socket, sweeps } = setUp({ isPlain: false });
    session.setLocalWindowSize = () => (session.state.outboundQueueSize += 1);
    sweeps(1, 200);
    // Pieces of a TLS record, which is not whole.
    for (let i = 0; i < 5; i++) sweeps(1, 0, () => (socket.bytesRead += 200));
    sweeps(1, 0);
    for (let i = 0; i < 3; i++) await nextTurn();
    expect(session.state.outboundQueueSize).toBe(1);
    expect(socket.destroyed).toBe(false);
  });

  it('is cut after its last call also when it was refused before it was let in', async () => {
    const { connection, first } = setUp({ closeTimeoutMs: 1 });
    connection.remove(first);
    const second = {} as IncomingStream;
    connection.add(second, true);
    connection.seat(() => () => undefined);
    connection.remove(second);
    await connection.closed;
  });

  it('is cut when it was refused, however often it calls again', async () => {
    let settled = 0;
    const { connection, socket, first } = setUp({ closeTimeoutMs: 50, onSettled: () => (settled += 1) });
    connection.remove(first);
    const again = setInterval(() => {
      const stream = {} as IncomingStream;
      connection.add(stream, true);
      connection.remove(stream);
    }, 10);
    await connection.closed;
    clearInterval(again);
    expect(socket.destroyed).toBe(true);
    expect(settled).toBe(1);
  });
});

describe('a connection with TLS', () => {
  it('is not looked at in this way: what comes is what was sent', () => {
    const { socket, sweeps } = setUp({ isPlain: false });
    sweeps(1_000, 1_000);
    expect(socket.destroyed).toBe(false);
  });
});

import { EventEmitter, once } from 'node:events';
import { type ClientHttp2Session, type Http2Session, connect } from 'node:http2';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { calmPings, contain, containHandshake, containSessions } from './containment.js';

class Stream extends EventEmitter {
  destroyed = false;
  session = { destroyed: false, destroy: () => (this.session.destroyed = true) };
  destroy(): void {
    this.destroyed = true;
  }
}

describe('what the library throws', () => {
  it('ends the stream and its session in an event of a stream', () => {
    const stream = new Stream();
    const told: string[] = [];
    contain(stream, ({ message }) => told.push(message));
    stream.on('readable', () => {
      throw new Error('a capsule that makes no sense');
    });
    expect(stream.emit('readable')).toBe(true);
    expect(told).toEqual(['a capsule that makes no sense']);
    expect([stream.destroyed, stream.session.destroyed]).toEqual([true, true]);
  });

  it('ends, in an event of the server, the stream that it is about', () => {
    const server = new EventEmitter();
    const stream = new Stream();
    contain(server, () => undefined);
    server.on('stream', () => {
      throw new Error('no');
    });
    server.emit('stream', stream);
    expect([stream.destroyed, stream.session.destroyed]).toEqual([true, true]);
  });

  it('leaves other events as they are', () => {
    const stream = new Stream();
    contain(stream, () => undefined);
    const heard: unknown[] = [];
    stream.on('data', (...args) => heard.push(args));
    expect(stream.emit('data', 1, 2)).toBe(true);
    expect(stream.emit('nothing')).toBe(false);
    expect(heard).toEqual([[1, 2]]);
    expect(stream.destroyed).toBe(false);
  });

  it('is ignored when a stream comes to a session that is over', () => {
    const streams: { jsobj?: { onStreamNetworkFinish: () => unknown } }[] = [];
    const session = {
      stream: new Stream(),
      jsobj: {
        onStream: ({ stream }: { stream: (typeof streams)[number] }) => {
          streams.push(stream);
          stream.jsobj?.onStreamNetworkFinish();
        },
      },
    };
    const visits: unknown[] = [];
    const visitor = { onHttpWTSessionVisitor: (visit: object) => visits.push(visit) };
    containSessions(visitor, () => undefined);
    visitor.onHttpWTSessionVisitor({ session });
    expect(visits.length).toBe(1);
    session.jsobj.onStream({ stream: {} });
    expect(streams[0]?.jsobj?.onStreamNetworkFinish()).toBeUndefined();
  });

  it('counts as a ping not sent to a session that was destroyed', () => {
    let pings = 0;
    const session = {
      destroyed: false,
      ping: () => {
        if (session.destroyed) throw new Error('The session has been destroyed');
        pings += 1;
        return true;
      },
    };
    calmPings(session as unknown as Http2Session);
    expect(session.ping()).toBe(true);
    session.destroyed = true;
    expect(session.ping()).toBe(false);
    expect(pings).toBe(1);
  });

  it('ends the session at the end of a handshake that was given up meanwhile', () => {
    const socket = new EventEmitter();
    let looked = 0;
    let destroyed = 0;
    const own = (): void => undefined;
    socket.on('secureConnect', own);
    socket.on('secureConnect', () => {
      looked += 1;
      if (looked > 1) throw new Error('Can not get http2 TLSSocket');
    });
    const session = { socket, destroy: () => (destroyed += 1) };
    containHandshake(session as unknown as ClientHttp2Session);
    expect(socket.listeners('secureConnect')[0]).toBe(own);
    socket.emit('secureConnect');
    expect([looked, destroyed]).toEqual([1, 0]);
    expect(socket.emit('secureConnect')).toBe(true);
    expect([looked, destroyed]).toEqual([2, 1]);
  });

  it('is contained in a session of Node as well', async () => {
    const server = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const session = connect(`https://127.0.0.1:${port}`);
    session.on('error', () => undefined);
    session.socket.on('secureConnect', () => {
      throw new Error('as the library');
    });
    containHandshake(session);
    const [, last] = session.socket.listeners('secureConnect');
    try {
      expect(() => (last as () => void)()).not.toThrow();
      expect(session.destroyed).toBe(true);
    } finally {
      session.destroy();
      server.close();
    }
    await once(server, 'close');
  });
});

import { EventEmitter } from 'node:events';
import type { Http2Session } from 'node:http2';
import { describe, expect, it } from '@jest/globals';
import { calmPings, contain, containSessions } from './containment.js';

class Stream extends EventEmitter {
  destroyed = false;
  session = { destroyed: false, destroy: () => (this.session.destroyed = true) };
  destroy(): void {
    this.destroyed = true;
  }
}

describe('what the library throws', () => {
  it('in an event of a stream ends the stream and its session', () => {
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

  it('in an event of the server ends the stream that it is about', () => {
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

  it('when a stream comes to a session that is over, is nothing', () => {
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

  it('when it pings a session that was destroyed, is a ping that was not sent', () => {
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
});

import { type Socket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { QuicServer, QuicServerSession } from '@currentspace/http3';
import { Newcomers } from '@drakkar/raftio/transport';
import { freePort, until } from '@drakkar/raftio/transport/testing';
import type { Channel, EngineListener, ListenRequest } from '../engine.js';
import { RawClient } from '../testing/raw-client.js';
import { type QuicLibrary, loadQuicLibrary } from './quic-library.js';
import { QuicListener } from './quic-listener.js';

const HANDSHAKE_TIMEOUT_MS = 400;
const OPTIONS = { handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS, closeTimeoutMs: 200, deadPeerTimeoutMs: 5000 };

const clients: RawClient[] = [];
const listeners: EngineListener[] = [];
const relays: Socket[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const relay of relays.splice(0)) relay.close();
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

interface Listening {
  address: string;
  listener: QuicListener;
  /** How often each session was closed, in the order in which they came. */
  closes: number[];
  refusals: string[];
  channels: Channel[];
}

/** A listener on the library, which is watched. */
async function listening(change: Partial<ListenRequest> = {}): Promise<Listening> {
  const library = loadQuicLibrary();
  const closes: number[] = [];
  const refusals: string[] = [];
  const channels: Channel[] = [];
  const watched = {
    ...library,
    createQuicServer: (given: Parameters<QuicLibrary['createQuicServer']>[0]): QuicServer => {
      const server = library.createQuicServer(given);
      server.on('session', (session: QuicServerSession) => {
        const index = closes.push(0) - 1;
        const close = session.close.bind(session);
        session.close = (...args) => {
          closes[index] = (closes[index] ?? 0) + 1;
          close(...args);
        };
      });
      return server;
    },
  };
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const listener = await QuicListener.open(
    watched,
    {
      host: '127.0.0.1',
      port,
      address,
      mutualTLS: false,
      maxSessions: 10,
      newcomers: new Newcomers(10),
      onChannel: (channel) => {
        channels.push(channel);
        channel.attach({ onData: () => undefined, onEnd: () => channel.destroy() });
      },
      onRefused: (reason) => refusals.push(reason),
      ...change,
    },
    OPTIONS,
  );
  listeners.push(listener);
  return { address, listener, closes, refusals, channels };
}

async function connect(address: string): Promise<RawClient> {
  const client = await RawClient.connect('quic', address);
  clients.push(client);
  return client;
}

describe('a listener of raw QUIC', () => {
  it('closes a session once that opens no stream, and says nothing of it after its own end', async () => {
    const { address, listener, closes, refusals } = await listening();
    await connect(address);
    await until('the first is refused', () => refusals.length === 1);
    expect(closes).toEqual([1]);
    await connect(address);
    await until('the second is there', () => closes.length === 2);
    await listener.close();
    const later = await listening();
    await connect(later.address);
    await until('one that came later would be refused', () => later.refusals.length === 1);
    expect([closes, refusals.length]).toEqual([[1, 1], 1]);
  });

  it('closes a session once whose channel is destroyed, however often it hears of its end', async () => {
    const { address, closes, channels } = await listening();
    const client = await connect(address);
    client.write(new Uint8Array(3));
    await until('there is a channel', () => channels.length === 1);
    channels[0]?.destroy();
    channels[0]?.destroy();
    await until('the client hears of it', () => client.ended);
    expect(closes).toEqual([1]);
  });

  it('does not close a session that its client has ended, whose number may be that of another', async () => {
    const { address, closes, channels } = await listening();
    const client = await connect(address);
    client.write(new Uint8Array(3));
    await until('there is a channel', () => channels.length === 1);
    await client.close();
    await channels[0]?.closed;
    channels[0]?.destroy();
    expect(closes).toEqual([0]);
  });

  it('answers an unknown client with a Retry, so that only who receives at its address is given anything', async () => {
    const { address } = await listening();
    const heard: number[] = [];
    const relay = createSocket('udp4');
    relays.push(relay);
    relay.bind(0, '127.0.0.1');
    await once(relay, 'listening');
    const server = Number(address.split(':')[1]);
    let client = 0;
    relay.on('message', (datagram, { port }) => {
      const isAnswer = port === server;
      if (isAnswer) heard.push(datagram[0] ?? 0);
      else client = port;
      relay.send(datagram, isAnswer ? client : server, '127.0.0.1');
    });
    await connect(`127.0.0.1:${relay.address().port}`);
    // RFC 9000, section 17.2.5: a long header of type 3.
    expect((heard[0] ?? 0) & 0xf0).toBe(0xf0);
  });
});

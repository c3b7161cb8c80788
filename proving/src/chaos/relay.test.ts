import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, type Socket, createConnection, createServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pollUntil } from '../harness/waiting.js';
import { SeededRandom } from '../harness/random.js';
import { LOOPBACK, TcpRelay, UdpRelay } from './relay.js';

const TIMEOUT_MS = 10_000;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function until(condition: () => boolean, what: string): Promise<void> {
  await pollUntil(TIMEOUT_MS, what, async () => (condition() ? true : undefined));
}

/** A server that keeps what it hears, and sends it back; a client that is connected to it through a relay. */
async function tcp(): Promise<{
  relay: TcpRelay;
  client: Socket;
  heard: () => string;
  echoed: () => string;
}> {
  let heard = '';
  let echoed = '';
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString();
      socket.write(bytes);
    });
  });
  server.listen(0, LOOPBACK);
  await once(server, 'listening');
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  const relay = await TcpRelay.open((server.address() as AddressInfo).port, 0);
  cleanups.push(() => relay.close());
  const client = createConnection({ host: LOOPBACK, port: relay.port });
  client.on('error', () => {});
  client.on('data', (bytes: Buffer) => (echoed += bytes.toString()));
  cleanups.push(() => client.destroy());
  await once(client, 'connect');
  return { relay, client, heard: () => heard, echoed: () => echoed };
}

/** As `tcp`, over UDP. */
async function udp(): Promise<{
  relay: UdpRelay;
  send: (text: string) => void;
  heard: string[];
  echoed: string[];
}> {
  const [heard, echoed]: [string[], string[]] = [[], []];
  const [server, client] = [createSocket('udp4'), createSocket('udp4')];
  for (const socket of [server, client]) {
    socket.bind(0, LOOPBACK);
    await once(socket, 'listening');
    cleanups.push(() => socket.close());
  }
  server.on('message', (datagram, { port, address }) => {
    heard.push(datagram.toString());
    server.send(datagram, port, address);
  });
  client.on('message', (datagram) => echoed.push(datagram.toString()));
  const relay = await UdpRelay.open(server.address().port, 0, new SeededRandom(1));
  cleanups.push(() => relay.close());
  return { relay, send: (text) => client.send(text, relay.port, LOOPBACK), heard, echoed };
}

describe('a relay of TCP', () => {
  it('passes bytes on, both ways', async () => {
    const { client, echoed } = await tcp();
    client.write('hello');
    await until(() => echoed() === 'hello', 'no echo');
  });

  it('holds everything back while it is blocked, and passes it on afterwards', async () => {
    const { relay, client, heard } = await tcp();
    client.write('a');
    await until(() => heard() === 'a', 'not heard');
    relay.state.isBlocked = true;
    relay.changed();
    client.write('b');
    // What comes over another way, later, is there; so this would have been.
    const other = await tcp();
    other.client.write('c');
    await until(() => other.echoed() === 'c', 'no echo of the other');
    expect(heard()).toBe('a');
    relay.state.isBlocked = false;
    relay.changed();
    await until(() => heard() === 'ab', 'not heard after the end');
  });

  it('keeps the order when the delay gets shorter', async () => {
    const { relay, client, heard } = await tcp();
    relay.state.delayMs = 150;
    client.write('slow ');
    await new Promise((resolve) => setTimeout(resolve, 30));
    relay.state.delayMs = 0;
    client.write('quick');
    await until(() => heard().endsWith('quick'), 'not heard');
    expect(heard()).toBe('slow quick');
  });

  it('lets all connections together through at its rate, in order', async () => {
    const { relay, client, heard } = await tcp();
    relay.state.bytesPerMs = 1_000;
    const other = createConnection({ host: LOOPBACK, port: relay.port });
    cleanups.push(() => other.destroy());
    const begunAt = performance.now();
    client.write('a'.repeat(150_000));
    other.write('a'.repeat(150_000));
    client.write('z');
    await until(() => heard().includes('z'), 'not all is heard');
    expect(performance.now() - begunAt).toBeGreaterThan(140);
    await until(() => heard().length === 300_001, 'not all of both is heard');
    expect(performance.now() - begunAt).toBeGreaterThan(290);
    expect(relay.passedBytes).toBeGreaterThanOrEqual(300_001);
  });

  it('leads new connections elsewhere while asked to', async () => {
    const elsewhere = await tcp();
    const { relay, heard } = await tcp();
    relay.state.detourPort = elsewhere.relay.port;
    const other = createConnection({ host: LOOPBACK, port: relay.port });
    cleanups.push(() => other.destroy());
    other.write('lost?');
    await until(() => elsewhere.heard() === 'lost?', 'not heard elsewhere');
    expect(heard()).toBe('');
  });

  it('breaks connections, and takes new ones', async () => {
    const { relay, client } = await tcp();
    const closed = once(client, 'close');
    relay.cut();
    await closed;
    const again = createConnection({ host: LOOPBACK, port: relay.port });
    cleanups.push(() => again.destroy());
    again.write('again');
    const [bytes] = (await once(again, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('again');
  });
});

describe('a relay of UDP', () => {
  it('passes datagrams on, both ways', async () => {
    const { send, echoed } = await udp();
    send('hello');
    await until(() => echoed.length === 1, 'no echo');
    expect(echoed).toEqual(['hello']);
  });

  it('loses them all when it is blocked or cut, and some when asked to', async () => {
    const { relay, send, heard } = await udp();
    relay.state.lossPercent = 50;
    for (let i = 0; i < 100; i += 1) send(`some ${i}`);
    await until(() => heard.length > 20, 'too much is lost');
    relay.state.lossPercent = 0;
    send('last');
    await until(() => heard.includes('last'), 'the last one is lost');
    expect(heard.length).toBeLessThan(90);
    relay.state.isBlocked = true;
    send('blocked');
    // By turns of the event loop, as none of the time may have been this process's.
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
    relay.state.isBlocked = false;
    send('free');
    await until(() => heard.includes('free'), 'not heard when free again');
    expect(heard).not.toContain('blocked');
  });

  it('lets datagrams through at its rate, and loses what would wait for long', async () => {
    const { relay, send, heard } = await udp();
    relay.state.bytesPerMs = 10;
    // What is sent at once would take a second.
    for (let i = 0; i < 20; i += 1) send(`${i} ${'a'.repeat(500)}`);
    await until(() => heard.length > 0, 'nothing is heard');
    relay.state.bytesPerMs = 0;
    await until(() => heard.length >= 2, 'no second one');
    expect(heard.length).toBeLessThan(10);
  });

  it('is silent after a cut until a connection is opened again', async () => {
    const { relay, send, heard } = await udp();
    send('before');
    await until(() => heard.includes('before'), 'not heard');
    relay.cut();
    send('after');
    // Its first byte is that of an Initial packet.
    send('\u00c3 opens a connection');
    await until(() => heard.some((text) => text.includes('opens')), 'a new connection is not let through');
    expect(heard).not.toContain('after');
  });
});

import { type Socket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../suite/wait.js';
import { splitAddress } from './address.js';
import { NetworkLink, detectCarrier } from './network.js';
import { UdpLink } from './udp-link.js';

const open: { close: () => unknown }[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function peer(): Promise<{ socket: Socket; address: string; heard: string[] }> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const heard: string[] = [];
  socket.on('message', (bytes) => heard.push(bytes.toString()));
  open.push({
    close: () => {
      socket.close();
    },
  });
  return { socket, address: `127.0.0.1:${socket.address().port}`, heard };
}

function send(socket: Socket, text: string | Uint8Array, address: string): void {
  const { host, port } = splitAddress(address);
  socket.send(text, port, host);
}

async function linkTo(address: string): Promise<UdpLink> {
  const link = await UdpLink.open(address);
  open.push(link);
  return link;
}

describe('a link of datagrams', () => {
  it('relays both ways, and keeps clients apart', async () => {
    const target = await peer();
    target.socket.on('message', (bytes, { port }) => {
      target.socket.send(`re ${bytes.toString()}`, port, '127.0.0.1');
    });
    const link = await linkTo(target.address);
    const [one, two] = [await peer(), await peer()];
    send(one.socket, 'a', link.address);
    send(two.socket, 'b', link.address);
    await eventually(() => one.heard.length === 1 && two.heard.length === 1, 'answers');
    expect([one.heard, two.heard]).toEqual([['re a'], ['re b']]);
  });

  it('lets nothing pass while paused', async () => {
    const target = await peer();
    const link = await linkTo(target.address);
    const client = await peer();
    link.pause();
    send(client.socket, 'lost', link.address);
    await eventually(() => link.dropped === 1, 'a loss');
    link.resume();
    send(client.socket, 'kept', link.address);
    await eventually(() => target.heard.length > 0, 'what came later');
    expect(target.heard).toEqual(['kept']);
  });

  it('silences a client that was cut until it opens a new QUIC connection', async () => {
    const target = await peer();
    const link = await linkTo(target.address);
    const client = await peer();
    send(client.socket, 'before', link.address);
    await eventually(() => target.heard.length === 1, 'the first');
    link.cut();
    send(client.socket, 'after', link.address);
    await eventually(() => link.dropped === 1, 'a loss');
    send(client.socket, new Uint8Array([0xc3, 0, 0, 0, 1]), link.address);
    await eventually(() => target.heard.length === 2, 'the opening packet');
    send(client.socket, 'again', link.address);
    await eventually(() => target.heard.length === 3, 'what came later');
    expect(target.heard[2]).toBe('again');
  });

  it('changes what passes, and sends in the name of a client', async () => {
    const target = await peer();
    const link = await linkTo(target.address);
    const client = await peer();
    link.tamper = (bytes) => [bytes, Buffer.from('extra')];
    send(client.socket, 'first', link.address);
    await eventually(() => target.heard.length === 2, 'both');
    link.inject(Buffer.from('injected'));
    await eventually(() => target.heard.length === 3, 'what was injected');
    expect(target.heard).toEqual(['first', 'extra', 'injected']);
  });
});

describe('a link of any carrier', () => {
  it('listens for TCP and UDP at one port, and both are free when it is closed', async () => {
    const link = await NetworkLink.open('127.0.0.1:0');
    expect(link.tcp.address).toBe(link.udp.address);
    await link.close();
    const { host, port } = splitAddress(link.address);
    open.push(await UdpLink.open(link.address, port));
    const server = createServer().listen(port, host);
    open.push(server);
    await once(server, 'listening');
    expect(server.listening).toBe(true);
  });

  it('distinguishes a listener of TCP from one of UDP', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    open.push(server);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    expect(await detectCarrier(`127.0.0.1:${port}`)).toBe('tcp');
    expect(await detectCarrier((await peer()).address)).toBe('udp');
  });
});

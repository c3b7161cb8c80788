import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Attempt } from './attempt.js';

const MANY_BYTES = 64 * 1024 * 1024;

describe('Attempt', () => {
  it('distinguishes what the operating system has taken from what waits for it, by a property of Node.js that is not public', async () => {
    const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const attempt = new Attempt('peer:1', { host: '127.0.0.1', port }, undefined);
    await attempt.secure(socket);
    expect([attempt.unsentBytes, attempt.bytesWritten]).toEqual([0, 0]);
    socket.write(Buffer.alloc(MANY_BYTES));
    const { unsentBytes, bytesWritten } = attempt;
    expect(unsentBytes).toBeGreaterThan(0);
    expect(bytesWritten).toBeGreaterThan(0);
    expect(unsentBytes + bytesWritten).toBe(MANY_BYTES);
    server.close();
    await attempt.destroy();
    expect(attempt.unsentBytes).toBe(0);
  });
});

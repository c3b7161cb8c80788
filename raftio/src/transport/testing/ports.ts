import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take the ports of outgoing connections, and those of programs that ask for any: of one that
 * a test has found free, and of one whose host is stopped for a moment, nobody else must get hold.
 */
const LOWEST_PORT = 12_000;
/** For each process that runs tests beside others: two of one run, and those of other runs. */
const PORTS_EACH = 1000;
const PROCESSES = 8;

const worker = ((Number(process.env['JEST_WORKER_ID'] ?? 0) % 2) + 2 * process.ppid) % PROCESSES;
/** Files of tests follow each other in one process: each begins elsewhere. */
let next = Math.floor(Math.random() * PORTS_EACH);

function isFreeForTCP(port: number, host: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, host, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

function isFreeForUDP(port: number, host: string): Promise<boolean> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind(port, host, () => {
      socket.close(() => {
        resolve(true);
      });
    });
  });
}

/** A port at which nobody listens, for TCP nor for UDP, and which is given to nobody else for a while. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < PORTS_EACH; tries++) {
    const port = LOWEST_PORT + worker * PORTS_EACH + next;
    next = (next + 1) % PORTS_EACH;
    if ((await isFreeForTCP(port, host)) && (await isFreeForUDP(port, host))) return port;
  }
  throw new Error(`no port is free from ${LOWEST_PORT} to ${LOWEST_PORT + PROCESSES * PORTS_EACH}`);
}

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { freePort } from '@drakkar/raftio/transport/testing';

interface Ended {
  exitCode: number | null;
  signal: string | null;
  output: string;
}

const PATIENCE_MS = 60_000;

/** A process that does not end by itself is killed, which shows. */
function run(script: string, args: readonly (string | number)[]): Promise<Ended> {
  const path = fileURLToPath(new URL(`./${script}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args.map(String)], {
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => (output += text.toString()));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => {
      resolve({ exitCode, signal, output });
    });
  });
}

describe('in processes of their own (needs a build)', () => {
  for (const engine of ['quic', 'webtransport-h2']) {
    it(
      `a process ends by itself when its hosts have stopped, by ${engine}`,
      async () => {
        const ended = await run('uses-everything.mjs', [engine, await freePort(), await freePort()]);
        expect(ended).toEqual({ exitCode: 0, signal: null, output: 'stopped, ERR_ADDRESS_IN_USE\n' });
      },
      PATIENCE_MS + 10_000,
    );
  }

  for (const [engine, attempts] of [
    ['quic', 200],
    ['webtransport-h2', 600],
  ] as const) {
    it(
      `connections that are given up while they are made do not end the process, by ${engine}`,
      async () => {
        const ended = await run('gives-up.mjs', [engine, await freePort(), await freePort(), attempts]);
        expect(ended).toEqual({ exitCode: 0, signal: null, output: 'connected in the end\n' });
      },
      PATIENCE_MS + 10_000,
    );
  }

  it(
    'nothing that clients of the HTTP/2 form say ends the process',
    async () => {
      for (const seed of [1, 2]) {
        const ended = await run('hostile-capsules.mjs', [await freePort(), seed]);
        expect(ended).toEqual({ exitCode: 0, signal: null, output: 'served on\n' });
      }
    },
    2 * PATIENCE_MS + 10_000,
  );
});

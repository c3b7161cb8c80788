import { connect as connectTLS } from 'node:tls';
import { rejectsWith, same, notApplicable } from '../../suite/assert.js';
import { eventually, within } from '../../suite/wait.js';
import type { RPCBench, TLSFixtures } from '../harness.js';
import { splitAddress } from '../address.js';
import { batch, numbersOf } from '../make.js';
import type { RPCCase } from './rpc-case.js';

const REFUSED = ['ERR_TLS', 'ERR_CONNECT_FAILED'] as const;
const PROMPT_MS = 10_000;

function fixtures({ site }: RPCBench): TLSFixtures {
  return site.tls ?? notApplicable('the harness has no tls');
}

/** A host that is asked for mutual TLS and has not declared it must say so, not run without. */
async function refusesTLS(bench: RPCBench): Promise<void> {
  const mutualTLS = { caFile: '/nowhere/ca.pem', certFile: '/nowhere/cert.pem', keyFile: '/nowhere/key.pem' };
  const start = (async () => {
    const host = await bench.make({ mutualTLS });
    await host.rpc.start();
  })();
  await rejectsWith(start, 'ERR_UNSUPPORTED', 'start with mutual TLS');
}

async function checkRefused(
  bench: RPCBench,
  { client, server }: Record<'client' | 'server', TLSFixtures['foreign'] | undefined>,
  codes: readonly string[],
  what: string,
): Promise<void> {
  const to = await bench.start({ mutualTLS: server });
  const from = await bench.start({ mutualTLS: client });
  const attempt = within(bench.connect(from, to.address), PROMPT_MS, what);
  await rejectsWith(attempt, codes, what);
  same(to.batches.length, 0, `${what}: batches delivered`);
}

/** Resolves when the host has ended a TLS connection of a client that shows no certificate. */
async function connectOverTLS(address: string): Promise<void> {
  const socket = connectTLS({ ...splitAddress(address), rejectUnauthorized: false });
  try {
    await within(
      new Promise<void>((resolve) => {
        socket.on('error', () => {
          resolve();
        });
        socket.on('close', () => {
          resolve();
        });
        socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
        socket.resume();
      }),
      PROMPT_MS,
      'a client without a certificate is disconnected',
    );
  } finally {
    socket.destroy();
  }
}

export const TLS_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-TLS-1',
    title: 'hosts of one deployment connect, both ways',
    requires: 'mutualTLS',
    run: async (bench) => {
      const { good } = fixtures(bench);
      const a = await bench.start({ mutualTLS: good[0] });
      const b = await bench.start({ mutualTLS: good[1] });
      await (await bench.connect(a, b.address)).sendMessageBatch(batch(1));
      await (await bench.connect(b, a.address)).sendMessageBatch(batch(2));
      await eventually(() => a.batches.length > 0 && b.batches.length > 0, 'batches arrive both ways');
      same(numbersOf(b.batches)[0], 1, 'batch there');
      same(numbersOf(a.batches)[0], 2, 'batch back');
    },
    otherwise: refusesTLS,
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-TLS-2',
    title: 'a client without a certificate is disconnected',
    requires: 'mutualTLS',
    run: async (bench) => {
      const { good } = fixtures(bench);
      const host = await bench.start({ mutualTLS: good[0] });
      const refused = bench.site.connectWithoutCertificate?.(host.address, good[1]);
      if (refused === undefined) {
        await bench.needTCP(host);
        await connectOverTLS(host.address);
      } else {
        await within(refused, PROMPT_MS, 'a client without a certificate');
      }
      same(host.batches.length, 0, 'batches delivered');
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-TLS-3',
    title: 'a client of another deployment is refused',
    requires: 'mutualTLS',
    run: async (bench) => {
      const { good, foreign } = fixtures(bench);
      await checkRefused(
        bench,
        { client: foreign, server: good[0] },
        REFUSED,
        'a client of another deployment',
      );
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-TLS-4',
    title: 'a server of another deployment is refused with ERR_TLS',
    requires: 'mutualTLS',
    run: async (bench) => {
      const { good, foreign } = fixtures(bench);
      await checkRefused(
        bench,
        { client: good[0], server: foreign },
        ['ERR_TLS'],
        'a server of another deployment',
      );
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-TLS-5',
    title: 'hosts with and without TLS do not connect, either way',
    requires: 'mutualTLS',
    run: async (bench) => {
      const { good } = fixtures(bench);
      await checkRefused(bench, { client: undefined, server: good[0] }, REFUSED, 'a client without TLS');
      await checkRefused(bench, { client: good[0], server: undefined }, REFUSED, 'a server without TLS');
    },
    deadlineMs: 30_000,
  },
];

import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTLS } from 'node:tls';
import { type MutualTLSConfig, hasErrorCode } from '@drakkar/raftio';
import { fail, notApplicable, rejectsWith, same } from '../../suite/assert.js';
import { Watched, eventually, sleep, within } from '../../suite/wait.js';
import type { Host, RPCBench, TLSFixtures } from '../harness.js';
import { joinAddress, splitAddress } from '../address.js';
import { batch, numbersOf } from '../make.js';
import type { RPCCase } from './rpc-case.js';

const REFUSED = ['ERR_TLS', 'ERR_CONNECT_FAILED'] as const;
const PROMPT_MS = 10_000;
const PICKED_UP_MS = 15_000;

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

/** Whether a host starts with these files. One that refuses them at once, with ERR_TLS, need not be asked more. */
async function starts(bench: RPCBench, mutualTLS: MutualTLSConfig): Promise<boolean> {
  const host = await bench.make({ mutualTLS });
  try {
    await host.rpc.start();
  } catch (error) {
    if (hasErrorCode(error, 'ERR_TLS')) return false;
    throw error;
  }
  await host.rpc.stop();
  return true;
}

const FILES = ['caFile', 'certFile', 'keyFile'] as const;

/** Each file is replaced whole, as tools that renew certificates do it. */
async function replaceFiles(files: MutualTLSConfig, by: MutualTLSConfig): Promise<void> {
  for (const each of FILES) {
    await copyFile(by[each], `${files[each]}.new`);
    await rename(`${files[each]}.new`, files[each]);
  }
}

/** Attempts a connection until the outcome, `undefined` or the code of a refusal, is the wanted one. */
async function untilAttempt(
  bench: RPCBench,
  [from, to]: readonly [Host, Host],
  isWanted: (code: unknown) => boolean,
  what: string,
): Promise<void> {
  // Not longer on a busy machine: among many attempts one would be refused for another reason.
  const end = performance.now() + PICKED_UP_MS;
  for (;;) {
    const attempt = new Watched(bench.connect(from, to.address));
    await eventually(() => attempt.settled, `${what}: an attempt settles`, PROMPT_MS);
    const code = attempt.state === 'resolved' ? undefined : (attempt.error as { code?: unknown }).code;
    if (isWanted(code)) return;
    if (performance.now() > end) fail(`${what}: not within ${PICKED_UP_MS} ms, but ${String(code)}`);
    await sleep(50);
  }
}

/** Two hosts move, one after the other, to certificates of another CA. */
async function rotate(bench: RPCBench): Promise<void> {
  const { good, foreign } = fixtures(bench);
  const folder = await mkdtemp(join(tmpdir(), 'drakkar-conformance-'));
  const filesOf = (name: string): MutualTLSConfig => ({
    caFile: join(folder, `${name}-ca.pem`),
    certFile: join(folder, `${name}.pem`),
    keyFile: join(folder, `${name}-key.pem`),
  });
  const [filesOfA, filesOfB] = [filesOf('a'), filesOf('b')];
  try {
    await replaceFiles(filesOfA, good[0]);
    await replaceFiles(filesOfB, good[1]);
    const a = await bench.start({ mutualTLS: filesOfA });
    const b = await bench.start({ mutualTLS: filesOfB });
    const before = await bench.connect(a, b.address);
    await replaceFiles(filesOfB, foreign);
    const isRefused = (code: unknown): boolean => REFUSED.some((each) => each === code);
    await untilAttempt(bench, [a, b], isRefused, 'a replaced certificate of the server is shown');
    await untilAttempt(bench, [b, a], isRefused, 'a replaced certificate of the client is shown');
    await replaceFiles(filesOfA, foreign);
    const isMade = (code: unknown): boolean => code === undefined;
    await untilAttempt(bench, [a, b], isMade, 'hosts with replaced certificates connect');
    await untilAttempt(bench, [b, a], isMade, 'hosts with replaced certificates connect, the other way');
    await before.sendMessageBatch(batch(1));
    await eventually(() => b.batches.length === 1, 'a connection that was there before stays usable');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A host without TLS speaks the protocol as it should, through somebody who puts TLS around it, and no certificate. */
async function connectByTunnel(bench: RPCBench, to: Host): Promise<void> {
  const from = await bench.start();
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {
      for (const each of sockets) each.destroy();
    });
  };
  const tunnel = createServer((plain) => {
    const secure = connectTLS({
      ...splitAddress(to.address),
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
    });
    keep(plain);
    keep(secure);
    plain.pipe(secure).pipe(plain);
  });
  tunnel.listen(0, splitAddress(to.address).host);
  await once(tunnel, 'listening');
  const { host } = splitAddress(to.address);
  const address = joinAddress(host, (tunnel.address() as AddressInfo).port);
  try {
    const attempt = within(bench.connect(from, address), PROMPT_MS, 'a client without a certificate');
    await rejectsWith(attempt, REFUSED, 'a client without a certificate, whose protocol is right');
  } finally {
    for (const socket of sockets) socket.destroy();
    tunnel.close();
  }
}

/** A host trusts two CAs, and then only its own: hosts of the other one are refused, whichever side connects. */
async function takeOutCA(bench: RPCBench): Promise<void> {
  const { good, foreign } = fixtures(bench);
  const folder = await mkdtemp(join(tmpdir(), 'drakkar-conformance-'));
  const files: MutualTLSConfig = {
    caFile: join(folder, 'ca.pem'),
    certFile: join(folder, 'host.pem'),
    keyFile: join(folder, 'key.pem'),
  };
  try {
    // That of `foreign` holds both.
    await replaceFiles(files, { ...good[0], caFile: foreign.caFile });
    const host = await bench.start({ mutualTLS: files });
    const other = await bench.start({ mutualTLS: foreign });
    await (await bench.connect(host, other.address)).sendMessageBatch(batch(1));
    await (await bench.connect(other, host.address)).sendMessageBatch(batch(1));
    await eventually(
      () => host.batches.length + other.batches.length === 2,
      'hosts of two CAs are connected',
    );
    await replaceFiles(files, good[0]);
    const isRefused = (code: unknown): boolean => REFUSED.some((each) => each === code);
    await untilAttempt(
      bench,
      [host, other],
      isRefused,
      'a server of a CA that was taken out of caFile is refused',
    );
    await untilAttempt(
      bench,
      [other, host],
      isRefused,
      'a client of a CA that was taken out of caFile is refused',
    );
    const third = await bench.start({ mutualTLS: good[1] });
    await untilAttempt(
      bench,
      [third, host],
      (code) => code === undefined,
      'a client of the CA that is left connects',
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
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
        await connectByTunnel(bench, host);
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
  {
    id: 'RPC-TLS-6',
    title: 'a host whose certificate is out of date is refused, as client and as server',
    requires: 'mutualTLS',
    run: async (bench) => {
      const { good, expired = notApplicable('the harness has no tls.expired') } = fixtures(bench);
      if (!(await starts(bench, expired))) return;
      await checkRefused(bench, { client: good[0], server: expired }, ['ERR_TLS'], 'a server out of date');
      await checkRefused(bench, { client: expired, server: good[0] }, REFUSED, 'a client out of date');
    },
    deadlineMs: 40_000,
  },
  {
    id: 'RPC-TLS-7',
    title: 'a server whose certificate names another host is refused with ERR_TLS',
    requires: 'mutualTLS',
    run: async (bench) => {
      const { good, wrongName = notApplicable('the harness has no tls.wrongName') } = fixtures(bench);
      await checkRefused(
        bench,
        { client: good[0], server: wrongName },
        ['ERR_TLS'],
        'a server of another name',
      );
    },
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-TLS-8',
    title: 'certificates replaced on disk are used for connections made afterwards, without a restart',
    requires: 'mutualTLS',
    run: rotate,
    deadlineMs: 60_000,
  },
];

export const TRUST_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-TLS-13',
    title: 'a CA that is taken out of caFile is trusted no more, without a restart',
    requires: 'mutualTLS',
    run: takeOutCA,
    deadlineMs: 60_000,
  },
];

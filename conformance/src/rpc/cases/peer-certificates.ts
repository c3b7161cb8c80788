import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MutualTLSConfig, type PeerIdentity, hasErrorCode } from '@drakkar/raftio';
import { notApplicable, rejectsWith, same, truth } from '../../suite/assert.js';
import { eventually, within } from '../../suite/wait.js';
import type { Host, RPCBench, TLSFixtures } from '../harness.js';
import { batch, chunk } from '../make.js';
import type { RPCCase } from './rpc-case.js';

const PROMPT_MS = 10_000;
const PICKED_UP_MS = 15_000;
const LIFE_SECONDS = 8;
const REFUSED = ['ERR_TLS', 'ERR_CONNECT_FAILED', 'ERR_CONNECTION_CLOSED'] as const;

function fixtures({ site }: RPCBench): TLSFixtures {
  return site.tls ?? notApplicable('the harness has no tls');
}

async function fingerprintOf({ certFile }: MutualTLSConfig): Promise<string> {
  const { fingerprint256 } = new X509Certificate(await readFile(certFile));
  return fingerprint256.replaceAll(':', '').toLowerCase();
}

function isOfHere(peer: PeerIdentity | undefined, fingerprint: string): boolean {
  return peer?.fingerprint === fingerprint && peer.addresses.includes('127.0.0.1');
}

async function handOn(bench: RPCBench): Promise<void> {
  const { good } = fixtures(bench);
  const from = await bench.start({ mutualTLS: good[0] });
  const to = await bench.start({ mutualTLS: good[1] });
  const connection = await bench.connect(from, to.address);
  await connection.sendMessageBatch(batch(1));
  await connection.sendMessageBatch(batch(2));
  await eventually(() => to.batches.length === 2, 'both batches arrive');
  const fingerprint = await fingerprintOf(good[0]);
  truth(isOfHere(to.senders[0], fingerprint), 'the request handler gets who the sender has proven to be');
  truth(to.senders[0] === to.senders[1], 'it is the same object for all batches of a connection');
  if (!bench.harness.capabilities.snapshots) return;
  const stream = await bench.connectSnapshot(from, to.address);
  await stream.sendSnapshotChunk(chunk(0, 1));
  await stream.finish();
  truth(isOfHere(to.sinkSenders[0], fingerprint), 'the sink factory gets who the sender has proven to be');
}

/** Whatever the client is told, and when: nothing that it sends is delivered. */
async function checkUnheard(bench: RPCBench, from: Host, to: Host, what: string): Promise<void> {
  const { length } = to.batches;
  const attempt = (async () => {
    const connection = await bench.connect(from, to.address);
    await connection.sendMessageBatch(batch(1));
    throw (await connection.closed) ?? Object.assign(new Error('closed'), { code: 'ERR_CONNECTION_CLOSED' });
  })();
  await rejectsWith(within(attempt, PROMPT_MS, what), REFUSED, what);
  same(to.batches.length, length, `${what}: batches delivered`);
}

async function checkUsages(bench: RPCBench): Promise<void> {
  const { good, forClients, forServers } = fixtures(bench);
  if (forClients === undefined || forServers === undefined)
    notApplicable('the harness has no such certificates');
  const host = await bench.start({ mutualTLS: good[0] });
  const server = await bench.start({ mutualTLS: forClients });
  await rejectsWith(
    within(bench.connect(host, server.address), PROMPT_MS, 'a server'),
    'ERR_TLS',
    'a server whose certificate is for clients only',
  );
  const client = await bench.start({ mutualTLS: forServers });
  await checkUnheard(bench, client, host, 'a client whose certificate is for servers only');
}

/** Starts a host; `undefined` when the configuration is refused. */
async function startUnlessRefused(bench: RPCBench, mutualTLS: MutualTLSConfig): Promise<Host | undefined> {
  try {
    return await bench.start({ mutualTLS });
  } catch (error) {
    if (hasErrorCode(error, 'ERR_UNSUPPORTED')) return undefined;
    throw error;
  }
}

async function checkRevoked(bench: RPCBench): Promise<void> {
  const { good, revoked = notApplicable('the harness has no tls.revoked') } = fixtures(bench);
  const folder = await mkdtemp(join(tmpdir(), 'drakkar-conformance-'));
  try {
    const crlFile = join(folder, 'list.pem');
    await writeFile(crlFile, revoked.list);
    const strict = await startUnlessRefused(bench, { ...good[0], crlFile });
    if (strict === undefined) return;
    const client = await bench.start({ mutualTLS: revoked.files });
    await checkUnheard(bench, client, strict, 'a client whose certificate was revoked');
    await checkPickedUp(bench, crlFile, client);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** An open connection ends when the file begins to list its certificate. */
async function checkPickedUp(bench: RPCBench, crlFile: string, client: Host): Promise<void> {
  const { good, revoked } = fixtures(bench);
  if (revoked === undefined) return;
  await writeFile(crlFile, revoked.listBefore);
  const host = await bench.start({ mutualTLS: { ...good[1], crlFile } });
  const connection = await bench.connect(client, host.address);
  await connection.sendMessageBatch(batch(2));
  await eventually(() => host.batches.length === 1, 'a certificate that is not listed is accepted');
  await writeFile(`${crlFile}.new`, revoked.list);
  await rename(`${crlFile}.new`, crlFile);
  await within(connection.closed, PICKED_UP_MS, 'the connection of a certificate that is now listed ends');
}

async function checkAllowed(bench: RPCBench): Promise<void> {
  const { good } = fixtures(bench);
  const allowedPeers = [{ identity: `SHA256:${await fingerprintOf(good[0])}` }];
  const strict = await startUnlessRefused(bench, { ...good[0], allowedPeers });
  if (strict === undefined) return;
  const other = await bench.start({ mutualTLS: good[1] });
  await checkUnheard(bench, other, strict, 'a client that is not among allowedPeers');
  const codes = ['ERR_TLS'];
  await rejectsWith(bench.connect(strict, other.address), codes, 'a server that is not among allowedPeers');
  const allowed = await bench.start({ mutualTLS: good[0] });
  await (await bench.connect(allowed, strict.address)).sendMessageBatch(batch(3));
  await eventually(() => strict.batches.length === 1, 'a client that is among them is heard');
}

async function checkExpiring(bench: RPCBench): Promise<void> {
  const { good, expiring = notApplicable('the harness has no tls.expiring') } = fixtures(bench);
  const short = await bench.start({ mutualTLS: await expiring(LIFE_SECONDS) });
  const long = await bench.start({ mutualTLS: good[0] });
  const inward = await bench.connect(short, long.address);
  const outward = await bench.connect(long, short.address);
  await inward.sendMessageBatch(batch(1));
  const what = 'connections with a peer whose certificate has expired end';
  await within(Promise.all([inward.closed, outward.closed]), LIFE_SECONDS * 1000 + PROMPT_MS, what);
}

export const PEER_CERTIFICATE_CASES: readonly RPCCase[] = [
  {
    id: 'RPC-TLS-9',
    title: 'who the sender has proven to be is handed on, with batches and with streams',
    requires: 'mutualTLS',
    run: handOn,
    deadlineMs: 30_000,
  },
  {
    id: 'RPC-TLS-10',
    title: 'a client whose certificate is not for clients is refused, and a server whose is not for servers',
    requires: 'mutualTLS',
    run: checkUsages,
    deadlineMs: 40_000,
  },
  {
    id: 'RPC-TLS-11',
    title: 'a certificate that was revoked, or is not allowed, is refused, and its connections end',
    requires: 'mutualTLS',
    run: async (bench) => {
      await checkRevoked(bench);
      await checkAllowed(bench);
    },
    deadlineMs: 90_000,
  },
  {
    id: 'RPC-TLS-12',
    title: 'connections with a peer whose certificate has expired end',
    requires: 'mutualTLS',
    run: checkExpiring,
    deadlineMs: 60_000,
  },
];

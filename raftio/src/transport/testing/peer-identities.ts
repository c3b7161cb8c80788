import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { type Deployments, expectDelivery, expectRefusal, messagesOf } from './deployments.js';
import { RecordingSink, type TestHost, never, numberedBatch, numberedChunk, until } from './hosts.js';

const HOUR_DAYS = 1 / 24;
const SECOND_DAYS = 1 / (24 * 3600);
/** The other end refuses, and says so in the handshake, or ends the connection before anything is delivered. */
async function expectNothingDelivered(from: TestHost, to: TestHost): Promise<void> {
  const { length } = to.received;
  try {
    const connection = await from.rpc.getConnection(to.address, never);
    await connection.sendMessageBatch(numberedBatch(666)).catch(() => undefined);
    await connection.closed;
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_(TLS|CONNECT_FAILED)$/) });
  }
  expect(to.received.length).toBe(length);
}

/** Who may say that it is whom: further cases of the matrix in `mutualTLSTests`. */
export function testIdentities<Options>(all: Deployments<Options>): void {
  testHandedOn(all);
  testOthersNames(all);
  testUsages(all);
  testAllowedPeers(all);
  testRevocation(all);
  testExpiry(all);
}

function testHandedOn<Options>(all: Deployments<Options>): void {
  it('hands on, with batches and snapshots, who the sender has proven to be', async () => {
    const sinks: unknown[] = [];
    const leaf = { dns: ['Host-1.Example'], ip: ['127.0.0.1'], uris: ['spiffe://example.org/host-1'] };
    const a = await all.startWith(await all.files(leaf));
    const b = await all.startWith(await all.files(), {
      chunkSinkFactory: (peer) => {
        sinks.push(peer);
        return new RecordingSink();
      },
    });
    await expectDelivery(a, b, 1);
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    await connection.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(10)));
    await connection.finish();
    const proven = expect.objectContaining({
      names: ['host-1.example'],
      addresses: ['127.0.0.1'],
      uris: ['spiffe://example.org/host-1'],
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      canServe: true,
    });
    expect([...b.senders, ...sinks]).toEqual([proven, proven]);
  });
}

function testOthersNames<Options>(all: Deployments<Options>): void {
  it('refuses a client whose certificate is of the same CA and names another host than it says it is', async () => {
    const b = await all.startWith(await all.files());
    const other = await all.files({ ip: [], dns: ['printer.example'] });
    await expectNothingDelivered(await all.startWith(other), b);
    await until('the host says why', () => messagesOf(b).some((each) => each.includes('printer.example')));
  });

  it('lets two hosts that share a name in, each under it and under its own', async () => {
    const b = await all.startWith(await all.files());
    for (const own of ['one.example', 'two.example']) {
      const files = await all.files({ ip: [], dns: ['shared.example', own] });
      const asShared = await all.startWith(files, { raftAddress: 'shared.example:7000' });
      await expectDelivery(asShared, b, 1);
      await expectDelivery(await all.startWith(files, { raftAddress: `${own}:7000` }), b, 2);
    }
    const one = await all.files({ ip: [], dns: ['shared.example', 'one.example'] });
    await expectNothingDelivered(await all.startWith(one, { raftAddress: 'two.example:7000' }), b);
  });
}

function testUsages<Options>(all: Deployments<Options>): void {
  it('refuses who dials with a certificate that is not for clients, and who is dialled with one that is not for servers', async () => {
    const good = await all.startWith(await all.files());
    const forServers = await all.startWith(await all.files({ usages: ['serverAuth'] }));
    await expectNothingDelivered(forServers, good);
    const forClients = await all.startWith(await all.files({ usages: ['clientAuth'] }));
    await expectRefusal(good, forClients, /^ERR_TLS$/, /extended key usage/);
    await expectDelivery(forClients, good, 1);
    expect(good.senders.map((sender) => sender?.canServe)).toEqual([false]);
  });
}

function testAllowedPeers<Options>(all: Deployments<Options>): void {
  it('accepts, of either side, only the peers that are allowed, for the hosts that they may speak for', async () => {
    const nameless = await all.files({
      ip: [],
      uris: ['spiffe://example.org/drakkar/1'],
      commonName: 'node-1',
    });
    const [allowed] = [{ identity: 'URI:spiffe://example.org/drakkar/*', hosts: ['127.0.0.1'] }];
    const also = { identity: 'IP:127.0.0.1' };
    const a = await all.startWith({ ...nameless, allowedPeers: [allowed, also] });
    const b = await all.startWith({ ...(await all.files()), allowedPeers: [allowed, also] });
    await expectDelivery(a, b, 1);
    await expectDelivery(b, a, 2);
    const stranger = await all.startWith(await all.files({ ip: [], dns: ['printer.example'] }), {
      raftAddress: 'printer.example:1',
    });
    await expectNothingDelivered(stranger, b);
    const strict = await all.startWith({ ...(await all.files()), allowedPeers: [allowed] });
    await expectRefusal(strict, b, /^ERR_TLS$/, /allowedPeers/);
  });
}

function testRevocation<Options>(all: Deployments<Options>): void {
  it('refuses certificates that were revoked, and closes their connections when the list changes', async () => {
    const listed = await all.filesWithList({}, []);
    const revoked = await all.files();
    const a = await all.startWith(revoked);
    const b = await all.startWith(listed);
    await expectDelivery(a, b, 1);
    const inward = await a.rpc.getConnection(b.address, never);
    const outward = await b.rpc.getConnection(a.address, never);
    const certificate = await readFile(revoked.certFile, 'utf8');
    await all.folder.put(listed.crlFile, await all.ca.revoke([{ certificate }]));
    await b.rpc.reload?.(); // sooner than it would by itself
    await Promise.all([inward.closed, outward.closed]);
    await expectNothingDelivered(a, b);
    await expectRefusal(b, a, /^ERR_TLS$/, /revoked/);
    await expectDelivery(await all.startWith(await all.files()), b, 2);
    expect(messagesOf(b)).toContainEqual(expect.stringMatching(/was revoked: the connection is closed/));
  }, 60_000);

  it('goes on with the list before when it can not be read, and warns of one that is out of date', async () => {
    const listed = await all.filesWithList({}, []);
    const b = await all.startWith(listed);
    await all.folder.put(listed.crlFile, 'no list');
    // A transport need not have it.
    if (b.rpc.reload !== undefined) await expect(b.rpc.reload()).rejects.toMatchObject({ code: 'ERR_TLS' });
    await expectDelivery(await all.startWith(await all.files()), b, 1);
    await all.folder.put(listed.crlFile, await all.ca.revoke([], -HOUR_DAYS));
    await expectDelivery(await all.startWith(await all.files()), b, 2);
    expect(messagesOf(b)).toEqual([
      expect.stringContaining('not a certificate revocation list'),
      expect.stringContaining('out of date'),
    ]);
  });
}

/** What the certificate lives for: short at first, and longer where the machine took that long to connect. */
const LIVES_SECONDS = [8, 30, 120];

function testExpiry<Options>(all: Deployments<Options>): void {
  it('closes connections of either side when the certificate of the peer expires', async () => {
    const b = await all.startWith(await all.files());
    const connect = async (a: TestHost) => {
      const inward = await a.rpc.getConnection(b.address, never);
      const outward = await b.rpc.getConnection(a.address, never);
      await inward.sendMessageBatch(numberedBatch(1));
      return { a, ended: Promise.all([inward.closed, outward.closed]) };
    };
    const connectedFor = async (seconds: number) => {
      const expiresAt = Date.now() + seconds * 1000;
      const a = await all.startWith(await all.files({ toDays: seconds * SECOND_DAYS }));
      try {
        return await connect(a);
      } catch (error) {
        if (Date.now() < expiresAt - 1000) throw error;
        return undefined;
      }
    };
    let connected;
    for (const seconds of LIVES_SECONDS) connected ??= await connectedFor(seconds);
    if (connected === undefined) throw new Error('no certificate lived until it had connected');
    await connected.ended;
    expect(messagesOf(b)).toContainEqual(expect.stringMatching(/has expired: the connection is closed/));
    await expectNothingDelivered(connected.a, b);
  }, 300_000);
}

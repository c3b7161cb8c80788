import { afterEach, describe, expect, it } from '@jest/globals';
import type { IRaftRPC, RaftRPCConfig } from '@drakkar/raftio';
import { TestHosts, freePort, never } from '@drakkar/raftio/transport/testing';
import { whyNoHttp3 } from './engines/webtransport-library.js';
import { type QuicTransportOptions, createQuicRaftRPC } from './index.js';

const hosts = new TestHosts<QuicTransportOptions>(createQuicRaftRPC);
const made: IRaftRPC[] = [];

afterEach(async () => {
  await hosts.stop();
  await Promise.all(made.splice(0).map((rpc) => rpc.stop()));
});

interface Said {
  message: string;
  details: Record<string, unknown>;
}

async function makeTelling(
  options: QuicTransportOptions,
  change: Partial<RaftRPCConfig> = {},
): Promise<{ rpc: IRaftRPC; address: string; said: Said[] }> {
  const address = `127.0.0.1:${await freePort()}`;
  const said: Said[] = [];
  const rpc = createQuicRaftRPC(
    {
      raftAddress: address,
      listenAddress: address,
      mutualTLS: undefined,
      sendBufferBytes: 1024 * 1024,
      onWarning: () => undefined,
      onInfo: (message, details) => said.push({ message, details }),
      ...change,
    },
    () => undefined,
    () => {
      throw new Error('none expected');
    },
    options,
  );
  made.push(rpc);
  return { rpc, address, said };
}

describe('the choice of an engine', () => {
  it('is logged once, with the reason, and is quic where there is no HTTP/3', async () => {
    const reason = await whyNoHttp3();
    const engine = reason === undefined ? 'webtransport' : 'quic';
    // Only named: a host of engine webtransport is not to be started under jest.
    const { rpc, address, said } = await makeTelling({ engine: engine === 'quic' ? 'auto' : 'quic' });
    await rpc.start();
    for (const target of [address, '127.0.0.1:1']) {
      await rpc.getConnection(target, AbortSignal.timeout(2000)).catch(() => undefined);
    }
    expect(said.map(({ details }) => details['engine'])).toEqual(['quic']);
    if (reason !== undefined) expect(said[0]?.message).toContain(reason);
  });

  it('is refused where what it needs is not installed', async () => {
    if ((await whyNoHttp3()) === undefined) return;
    const host = await hosts.make({ options: { engine: 'webtransport' } });
    const refused = {
      code: 'ERR_UNSUPPORTED',
      message: expect.stringContaining('webtransport-transport-http3-quiche'),
    };
    await expect(host.rpc.start()).rejects.toMatchObject(refused);
    await expect(host.rpc.getConnection('127.0.0.1:1', never)).rejects.toMatchObject(refused);
    await host.rpc.stop();
  });
});

describe('hosts that do not belong together', () => {
  it('learn that their engines differ', async () => {
    const quic = await hosts.start({ options: { engine: 'quic', connectTimeoutMs: 1500 } });
    const overHttp2 = await hosts.start({ options: { engine: 'webtransport-h2', connectTimeoutMs: 1500 } });
    await expect(quic.rpc.getConnection(overHttp2.address, never)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringMatching(/engine quic/),
    });
    await expect(overHttp2.rpc.getConnection(quic.address, never)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringMatching(/engine webtransport-h2/),
    });
  });

  it('learn that their deployments differ', async () => {
    for (const engine of ['quic', 'webtransport-h2'] as const) {
      const one = await makeTelling({ engine }, { deploymentID: 7 });
      const two = await makeTelling({ engine }, { deploymentID: 8 });
      await one.rpc.start();
      await expect(two.rpc.getConnection(one.address, never)).rejects.toMatchObject({
        code: 'ERR_CONNECT_FAILED',
        message: expect.stringMatching(/deployment 7, this host of 8/),
      });
    }
  });
});

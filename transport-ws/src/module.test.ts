import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { type RaftRPCFactory, RaftRPCFactoryID } from '@drakkar/raftio';
import { Container } from 'inversify';
import { adapterModule, createWsRaftRPC } from './index.js';
import { optionsSchema, resolveOptions } from './options.js';
import { freePort } from '@drakkar/raftio/transport/testing';

const config = {
  raftAddress: '127.0.0.1:1',
  listenAddress: '127.0.0.1:1',
  mutualTLS: undefined,
  sendBufferBytes: 1024,
  onWarning: () => undefined,
};
const handler = (): undefined => undefined;
const sinks = (): never => {
  throw new Error('none expected');
};

describe('the adapter module', () => {
  it('binds a factory of transports', async () => {
    const container = new Container();
    container.load(adapterModule.createModule({ connectTimeoutMs: 100 }));
    const factory = container.get<RaftRPCFactory>(RaftRPCFactoryID);
    const address = `127.0.0.1:${await freePort()}`;
    const rpc = factory({ ...config, raftAddress: address, listenAddress: address }, handler, sinks);
    await rpc.start();
    await rpc.stop();
    expect(rpc.name).toBe(adapterModule.name);
    expect(adapterModule).toMatchObject({
      kind: 'transport',
      capabilities: { mutualTLS: true, snapshots: true, network: true },
    });
  });

  it('describes every option, with a default that it accepts itself', () => {
    const properties = optionsSchema['properties'] as Record<
      string,
      { default: number; description: string }
    >;
    const defaults = Object.fromEntries(
      Object.entries(properties).map(([name, { default: value }]) => [name, value]),
    );
    expect(resolveOptions({})).toEqual(defaults);
    expect(resolveOptions(defaults)).toEqual(defaults);
    expect(Object.values(properties).filter(({ description }) => description.length < 10)).toEqual([]);
    expect(optionsSchema).toMatchObject({ type: 'object', additionalProperties: false });
  });

  it('refuses options out of range or unknown', () => {
    for (const options of [
      { connectTimeoutMs: 0 },
      { maxConnections: 1.5 },
      { pingIntervalMs: '5' },
      { pings: 1 },
    ]) {
      expect(() => adapterModule.createModule(options)).toThrow(/option/);
    }
    expect(() => createWsRaftRPC(config, handler, sinks, { deadPeerTimeoutMs: -1 })).toThrow(RangeError);
  });
});

import { expect, it } from '@jest/globals';
import type { RaftRPCModule } from '../../module.js';
import type { ChunkSinkFactory, RequestHandler } from '../../rpc.js';
import type { CreateTransport } from './hosts.js';
import { freePort } from './ports.js';

const config = {
  raftAddress: '127.0.0.1:1',
  listenAddress: '127.0.0.1:1',
  mutualTLS: undefined,
  sendBufferBytes: 1024,
  onWarning: () => undefined,
};
const handler: RequestHandler = () => undefined;
const sinks: ChunkSinkFactory = () => {
  throw new Error('none expected');
};

/** Out of range, of another type, or of nobody, in every transport. */
const WRONG_OPTIONS: readonly Record<string, unknown>[] = [
  { connectTimeoutMs: 0 },
  { maxConnections: 1.5 },
  { pingIntervalMs: '5' },
  { pings: 1 },
];

interface OptionSchema {
  default: unknown;
  description: string;
}

export interface TransportModule<Options> {
  adapterModule: RaftRPCModule;
  create: CreateTransport<Options>;
  /** Fills in the defaults. */
  resolveOptions: (options: Options) => unknown;
  /** With which it runs on any machine. */
  options: Options & Record<string, unknown>;
  /** What this transport refuses besides what every one does. */
  wrongOptions?: readonly Record<string, unknown>[];
}

/** What holds for the adapter module of each transport, and for its options. */
export function transportModuleTests<Options>({
  adapterModule,
  create,
  resolveOptions,
  options,
  wrongOptions = [],
}: TransportModule<Options>): void {
  it('creates a factory of transports', async () => {
    const factory = adapterModule.create(options);
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
    const { optionsSchema } = adapterModule;
    const properties = Object.entries(optionsSchema['properties'] as Record<string, OptionSchema>);
    const defaults = Object.fromEntries(properties.map(([name, { default: value }]) => [name, value]));
    expect(properties.length).toBeGreaterThan(0);
    expect(resolveOptions({} as Options)).toEqual(defaults);
    expect(resolveOptions(defaults as Options)).toEqual(defaults);
    expect(properties.filter(([, { description }]) => description.length < 10)).toEqual([]);
    expect(optionsSchema).toMatchObject({ type: 'object', additionalProperties: false });
  });

  it.each([...WRONG_OPTIONS, ...wrongOptions])('refuses the options %j', (wrong) => {
    expect(() => adapterModule.create(wrong)).toThrow(/option/);
  });

  it('refuses wrong options in code, too', () => {
    const wrong = { ...options, deadPeerTimeoutMs: -1 };
    expect(() => create(config, handler, sinks, wrong)).toThrow(RangeError);
  });
}

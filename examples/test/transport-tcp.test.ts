import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { harnessFromModule, rpcSuite } from '@drakkar/conformance';
import {
  type CreateTransport,
  RecordingSink,
  TestHosts,
  mutualTLSTests,
  never,
  numberedBatch,
  termsOf,
  until,
} from '@drakkar/raftio/transport/testing';
import { adapterModule } from '../transport-tcp/src/index.js';
import { type TcpOptions, resolveOptions } from '../transport-tcp/src/options.js';
import { TcpRaftRPC } from '../transport-tcp/src/tcp-raft-rpc.js';

const create: CreateTransport<Partial<TcpOptions>> = (config, handler, sinks, options = {}) =>
  new TcpRaftRPC(config, handler, sinks, resolveOptions(options));

const found = await harnessFromModule(
  fileURLToPath(new URL('../transport-tcp/dist/index.js', import.meta.url)),
);
if (found.kind === 'transport') rpcSuite({ describe, it }, found.harness);

mutualTLSTests(create);

describe('the transport on TCP', () => {
  it('ok', () => { expect(adapterModule.name).toBe('tcp'); void [afterEach, RecordingSink, TestHosts, never, numberedBatch, termsOf, until]; });
});

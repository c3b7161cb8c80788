import { describe, expect, it } from '@jest/globals';
import { transportModuleTests } from '@drakkar/raftio/transport/testing';
import { adapterModule, createTcpRaftRPC } from './index.js';
import { resolveOptions } from './options.js';

describe('the adapter module', () => {
  transportModuleTests({
    adapterModule,
    create: createTcpRaftRPC,
    resolveOptions,
    options: { connectTimeoutMs: 100, peers: 'dragonboat' },
  });

  it('refuses peers that it does not know', () => {
    expect(() => resolveOptions({ peers: 'etcd' })).toThrow(/one of drakkar, dragonboat, not "etcd"/);
  });
});

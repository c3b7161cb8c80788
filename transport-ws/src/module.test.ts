import { describe } from '@jest/globals';
import { transportModuleTests } from '@drakkar/raftio/transport/testing';
import { adapterModule, createWsRaftRPC } from './index.js';
import { resolveOptions } from './options.js';

describe('the adapter module', () => {
  transportModuleTests({
    adapterModule,
    create: createWsRaftRPC,
    resolveOptions,
    options: { connectTimeoutMs: 100 },
  });
});

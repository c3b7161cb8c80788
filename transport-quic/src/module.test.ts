import { describe } from '@jest/globals';
import { transportModuleTests } from '@drakkar/raftio/transport/testing';
import { adapterModule, createQuicRaftRPC } from './index.js';
import { resolveOptions } from './options.js';

describe('the adapter module', () => {
  transportModuleTests({
    adapterModule,
    create: createQuicRaftRPC,
    resolveOptions,
    options: { engine: 'quic', connectTimeoutMs: 100 },
    wrongOptions: [{ engine: 'tcp' }, { engine: 1 }, { receiveWindowBytes: 1000 }],
  });
});

import { addressFamilyTests } from '@drakkar/raftio/transport/testing';
import { createQuicRaftRPC } from './index.js';

for (const engine of ['quic', 'webtransport-h2'] as const) {
  addressFamilyTests((config, requestHandler, chunkSinkFactory) =>
    createQuicRaftRPC(config, requestHandler, chunkSinkFactory, { engine }),
  );
}

import { GUEST_OPTIONS, guestTests } from '@drakkar/raftio/transport/testing';
import { type QuicTransportOptions, createQuicRaftRPC } from './index.js';

for (const engine of ['quic', 'webtransport-h2'] as const) {
  const create: typeof createQuicRaftRPC = (config, requestHandler, chunkSinkFactory, options) =>
    createQuicRaftRPC(config, requestHandler, chunkSinkFactory, { ...options, engine });
  guestTests<QuicTransportOptions>(create, GUEST_OPTIONS);
}

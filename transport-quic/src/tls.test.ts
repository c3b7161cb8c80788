import { mutualTLSTests } from '@drakkar/raftio/transport/testing';
import { type QuicTransportOptions, createQuicRaftRPC } from './index.js';
import type { CreateTransport } from '@drakkar/raftio/transport/testing';

const withEngine =
  (engine: 'quic' | 'webtransport-h2'): CreateTransport<QuicTransportOptions> =>
  (config, requestHandler, chunkSinkFactory, options) =>
    createQuicRaftRPC(config, requestHandler, chunkSinkFactory, { ...options, engine });

mutualTLSTests(withEngine('quic'));
mutualTLSTests(withEngine('webtransport-h2'));

import { createQuicRaftRPC } from '../dist/index.js';

const ignore = () => undefined;

/** A host on that port of 127.0.0.1, not started, which takes batches and forgets them. */
export function makeHost(engine, port, sink = ignore) {
  const address = `127.0.0.1:${port}`;
  const config = {
    raftAddress: address,
    listenAddress: address,
    mutualTLS: undefined,
    sendBufferBytes: 1024 * 1024,
    onWarning: ignore,
  };
  return createQuicRaftRPC(config, ignore, sink, { engine });
}

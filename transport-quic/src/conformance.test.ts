import { describe, it } from '@jest/globals';
import { harnessFromModule, rpcSuite } from '@drakkar/conformance';

for (const engine of ['quic', 'webtransport-h2'] as const) {
  const found = await harnessFromModule('@drakkar/transport-quic', {
    name: `transport-quic ${engine}`,
    options: { engine },
  });
  if (found.kind !== 'transport') throw new Error('not a transport');
  rpcSuite({ describe, it }, found.harness);
}

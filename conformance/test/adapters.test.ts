import { describe, it } from '@jest/globals';
import { harnessFromModule, logDBSuite, rpcSuite } from '@drakkar/conformance';

for (const name of ['@drakkar/logdb-lmdb', '@drakkar/transport-ws', '@drakkar/transport-grpc']) {
  const found = await harnessFromModule(name);
  if (found.kind === 'logdb') logDBSuite({ describe, it }, found.harness);
  else rpcSuite({ describe, it }, found.harness);
}

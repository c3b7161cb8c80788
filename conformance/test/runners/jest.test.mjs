import { describe, it } from '@jest/globals';
import { logDBSuite, memoryLogDBHarness, memoryRPCHarness, rpcSuite } from '@drakkar/conformance';

logDBSuite({ describe, it }, memoryLogDBHarness());
rpcSuite({ describe, it }, memoryRPCHarness());

import { describe, it } from 'node:test';
import { logDBSuite, memoryLogDBHarness, memoryRPCHarness, rpcSuite } from '@drakkar/conformance';

logDBSuite({ describe, it }, memoryLogDBHarness());
rpcSuite({ describe, it }, memoryRPCHarness());

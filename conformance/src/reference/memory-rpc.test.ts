import { describe, it } from '@jest/globals';
import { rpcSuite } from '../rpc/suite.js';
import { memoryRPCHarness } from './memory-rpc-harness.js';

rpcSuite({ describe, it }, memoryRPCHarness());

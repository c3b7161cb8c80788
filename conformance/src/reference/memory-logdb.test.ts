import { describe, it } from '@jest/globals';
import { logDBSuite } from '../logdb/suite.js';
import { memoryLogDBHarness } from './memory-logdb-harness.js';

logDBSuite({ describe, it }, memoryLogDBHarness());

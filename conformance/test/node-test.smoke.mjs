import { describe, it } from 'node:test';
import { logDBSuite, memoryLogDBHarness } from '../dist/index.js';

// That the suite needs nothing of a runner but these two. Run by test/runners.test.ts.
logDBSuite({ describe, it }, memoryLogDBHarness());

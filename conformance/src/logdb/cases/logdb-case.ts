import type { LogDBCapabilities } from '@drakkar/raftio';
import type { ConformanceCase } from '../../suite/case.js';
import type { LogDBBench } from '../harness.js';

export type LogDBCase = ConformanceCase<LogDBBench, LogDBCapabilities>;

import type { RaftRPCCapabilities } from '@drakkar/raftio';
import type { ConformanceCase } from '../../suite/case.js';
import type { RPCBench } from '../harness.js';

export type RPCCase = ConformanceCase<RPCBench, RaftRPCCapabilities>;

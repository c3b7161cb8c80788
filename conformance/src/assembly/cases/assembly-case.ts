import type { ConformanceCase } from '../../suite/case.js';
import type { AssemblyBench } from '../bench.js';
import type { AssemblyCapabilities } from '../harness.js';

export type AssemblyCase = ConformanceCase<AssemblyBench, AssemblyCapabilities>;

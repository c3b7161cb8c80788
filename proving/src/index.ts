/** What the project's programs on real processes share; `@drakkar/benchmarks` uses it too. */
export type { CommandTable } from './harness/commands.js';
export { quantile } from './harness/figures.js';
export { Interruption } from './harness/interruption.js';
export { asBuffer, encodePut } from './harness/kv-commands.js';
export { KVStateMachine } from './harness/kv-state-machine.js';
export { NodeProcess } from './harness/node-process.js';
export {
  CLUSTER_OPTIONS,
  CLUSTER_OPTIONS_HELP,
  type ClusterParts,
  UsageError,
  parseOptions,
  partsOf,
  wholeNumber,
} from './harness/options.js';
export { CLUSTER_ID, type NodePlan, type PlanOptions, groupConfig, planNodes } from './harness/plan.js';
export { runProgram } from './harness/program.js';
export { makeScratchDir, removeScratchDir } from './harness/scratch-dir.js';
export { serveParent } from './harness/serve-parent.js';
export { type Spawned, killNodes, spawnNodes } from './harness/spawned.js';
export { pollUntil } from './harness/waiting.js';

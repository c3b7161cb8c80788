export { pollUntil } from './cluster/cluster.js';
export type { CommandTable } from './cluster/commands.js';
export {
  CLUSTER_OPTIONS,
  CLUSTER_OPTIONS_HELP,
  type ClusterParts,
  UsageError,
  parseOptions,
  partsOf,
  wholeNumber,
} from './cluster/demo-options.js';
export { quantile } from './cluster/figures.js';
export { Interruption } from './cluster/interruption.js';
export { NodeProcess } from './cluster/node-process.js';
export { CLUSTER_ID, type NodePlan, groupConfig, planNodes } from './cluster/plan.js';
export { makeScratchDir, removeScratchDir } from './cluster/scratch-dir.js';
export { serveParent } from './cluster/serve-parent.js';

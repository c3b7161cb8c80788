export { type Fault, type FaultKind, formatFault } from './cluster/fault-plan.js';
export { type SimulationOptions, type SimulationResult, simulate } from './simulation.js';

/** `@drakkar/conformance/assembly`: hosts that use a LogDB and a transport. Needs `@drakkar/framework`. */
export type { AssemblyCapabilities, AssemblyHarness, AssemblySite } from './harness.js';
export { type AdapterChoice, type AssemblyOptions, assemblyFromModules } from './from-modules.js';
export { assemblySuite, runAssembly } from './suite.js';
export { memoryAssemblyHarness } from '../reference/memory-assembly.js';

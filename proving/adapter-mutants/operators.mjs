import { CALL_OPERATORS } from './operators/calls.mjs';
import { FLOW_OPERATORS } from './operators/flow.mjs';
import { VALUE_OPERATORS } from './operators/values.mjs';

/**
 * The mistakes that the machine makes. Each has an id, says what is wrong in general, and `at(node)` gives the changes
 * that it makes of one node of the syntax tree: `{ start, end, text }`, what stands in place of that part of the file, and
 * `place`, the node that must run for the change to matter, where it is another one.
 */
export const OPERATORS = [...VALUE_OPERATORS, ...FLOW_OPERATORS, ...CALL_OPERATORS];

/** What `step` answers when an operation can't have had that output in that state. */
export const IMPOSSIBLE: unique symbol = Symbol('impossible');

/**
 * What an object does when its operations come one at a time: the specification that a history is held against.
 * States are values: a step never changes one, it makes another.
 */
export interface Model<State, Input, Output> {
  readonly name: string;
  initial(): State;
  /** The state after an operation. @param output undefined when it is unknown: any will do */
  step(state: State, input: Input, output: Output | undefined): State | typeof IMPOSSIBLE;
  /** Equal for equal states, and for no others. */
  stateKey(state: State): string | number;
  /**
   * Whether an operation with that output changes no state that allows it, such as a read. It only makes the search
   * faster: it is then given its place as soon as it fits.
   */
  isReadOnly?(input: Input, output: Output | undefined): boolean;
  /** Operations on different parts have nothing to do with each other, and are checked apart. One part if left out. */
  partOf?(input: Input): string | number;
  /** For reports, such as `put x = 7`. */
  describe(input: Input, output: Output | undefined): string;
  describeState(state: State): string;
}

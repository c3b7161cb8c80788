/**
 * One call that a client made. Times come from one clock, in any unit, and only their order counts.
 *
 * A call whose outcome is unknown (it timed out, its client was killed) has no `returnedAt`, and no output: it may
 * have taken effect at any time after `invokedAt`, or never. A call known to have had no effect does not belong in a
 * history.
 */
export interface Operation<Input, Output> {
  readonly input: Input;
  readonly output: Output | undefined;
  readonly invokedAt: number;
  readonly returnedAt: number | undefined;
  /** Who called, for the report. */
  readonly client?: number | string;
}

import { IMPOSSIBLE, type Model } from '../model.js';

export type CounterInput = { readonly kind: 'add'; readonly by: number } | { readonly kind: 'read' };

/** What a read saw; of an add, if it tells that, the count after it. */
export interface CounterOutput {
  readonly value?: number;
}

/** A number that is added to and read. */
export function counterModel(initial = 0): Model<number, CounterInput, CounterOutput> {
  return {
    name: 'counter',
    initial: () => initial,
    step: (state, input, output) => {
      const after = input.kind === 'add' ? state + input.by : state;
      return output?.value === undefined || output.value === after ? after : IMPOSSIBLE;
    },
    isReadOnly: ({ kind }) => kind === 'read',
    stateKey: (state) => state,
    describe: (input, output) => {
      const seen = output?.value === undefined ? '' : ` = ${output.value}`;
      return input.kind === 'add' ? `add ${input.by}${seen}` : `read${seen === '' ? ' ?' : seen}`;
    },
    describeState: String,
  };
}

import { IMPOSSIBLE, type Model } from '../model.js';

export type AppendListInput =
  { readonly kind: 'append'; readonly value: number | string } | { readonly kind: 'read' };

/** What a read saw; nothing for an append. */
export interface AppendListOutput {
  readonly values?: readonly (number | string)[];
}

/** A list is one node for its last value, after the list before it. Equal lists are the same node. */
export interface ListNode {
  readonly id: number;
  readonly before: ListNode | undefined;
  readonly value: number | string | undefined;
  readonly length: number;
  readonly after: Map<number | string, ListNode>;
}

function holds(list: ListNode, values: readonly (number | string)[]): boolean {
  if (list.length !== values.length) return false;
  let node = list;
  for (let i = values.length - 1; i >= 0; i--) {
    if (node.value !== values[i] || node.before === undefined) return false;
    node = node.before;
  }
  return true;
}

function valuesOf(list: ListNode): (number | string)[] {
  const values: (number | string)[] = [];
  for (let node = list; node.value !== undefined && node.before !== undefined; node = node.before)
    values.push(node.value);
  return values.reverse();
}

/** A list that is appended to and read as a whole: it shows the order of all writes, not only the last one. */
export function appendListModel(): Model<ListNode, AppendListInput, AppendListOutput> {
  let nextID = 0;
  const newNode = (before?: ListNode, value?: number | string): ListNode => ({
    id: nextID++,
    before,
    value,
    length: before === undefined ? 0 : before.length + 1,
    after: new Map(),
  });
  const empty = newNode();
  return {
    name: 'append-list',
    initial: () => empty,
    step: (state, input, output) => {
      if (input.kind === 'read')
        return output?.values === undefined || holds(state, output.values) ? state : IMPOSSIBLE;
      let next = state.after.get(input.value);
      if (next === undefined) state.after.set(input.value, (next = newNode(state, input.value)));
      return next;
    },
    isReadOnly: ({ kind }) => kind === 'read',
    stateKey: ({ id }) => id,
    describe: (input, output) =>
      input.kind === 'append'
        ? `append ${input.value}`
        : `read [${output?.values === undefined ? '?' : output.values.join(' ')}]`,
    describeState: (state) => `[${valuesOf(state).join(' ')}]`,
  };
}

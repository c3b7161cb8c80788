import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Piece, Pieces } from './pieces.js';

const LAST_INDEX = 30;

type Step =
  | { do: 'append' | 'relocate'; first: number; count: number }
  | { do: 'trimTo' | 'truncateFrom'; index: number };

const index = fc.integer({ min: 1, max: LAST_INDEX - 8 });
const range = { first: index, count: fc.integer({ min: 1, max: 8 }) };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('append' as const), ...range }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('relocate' as const), ...range }) },
  fc.record({ do: fc.constantFrom('trimTo' as const, 'truncateFrom' as const), index }),
);

/** Runs the steps on pieces and on a map from index to offset; the offset names the step. */
function run(steps: readonly Step[]): {
  pieces: Pieces;
  model: Map<number, number>;
  used: Map<number, number>;
} {
  const used = new Map<number, number>();
  const count = (segment: number, by: number): void => void used.set(segment, (used.get(segment) ?? 0) + by);
  const pieces = new Pieces({
    retain: (segment, sizeBytes) => {
      count(segment, sizeBytes);
    },
    release: (segment, sizeBytes) => {
      count(segment, -sizeBytes);
    },
  });
  const model = new Map<number, number>();
  for (const [offset, each] of steps.entries()) {
    if ('index' in each) {
      pieces[each.do](each.index);
      const isGone = (i: number): boolean => (each.do === 'trimTo' ? i <= each.index : i >= each.index);
      for (const i of [...model.keys()]) if (isGone(i)) model.delete(i);
      continue;
    }
    const piece: Piece = {
      first: each.first,
      count: each.count,
      segment: offset % 3,
      offset,
      sizeBytes: 100,
    };
    pieces[each.do](piece);
    if (each.do === 'append') for (const i of [...model.keys()]) if (i >= each.first) model.delete(i);
    for (let i = each.first; i < each.first + each.count; i++) model.set(i, offset);
  }
  return { pieces, model, used };
}

function check(steps: readonly Step[]): void {
  const { pieces, model, used } = run(steps);
  const found = new Map<number, number>();
  const held = new Map<number, number>();
  for (let at = 0; at < pieces.length; at++) {
    const { first, count, segment, offset, sizeBytes } = pieces.at(at);
    if (at > 0) expect(first).toBeGreaterThanOrEqual(pieces.endOf(at - 1));
    for (let i = first; i < first + count; i++) found.set(i, offset);
    held.set(segment, (held.get(segment) ?? 0) + sizeBytes);
  }
  expect([...found].sort(([a], [b]) => a - b)).toEqual([...model].sort(([a], [b]) => a - b));
  for (const [segment, sizeBytes] of used) expect(sizeBytes).toBe(held.get(segment) ?? 0);
  for (let above = 0; above <= LAST_INDEX; above++) {
    const at = pieces.findAbove(above);
    const first = at === pieces.length ? Infinity : Math.max(pieces.firstOf(at), above + 1);
    expect(first).toBe(Math.min(Infinity, ...[...model.keys()].filter((i) => i > above)));
  }
}

describe('Pieces', () => {
  it('agree with a map from index to place, and count what each segment holds', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 25 }), check), { numRuns: 300 });
  });

  it('give memory back when most of a long log was removed', () => {
    const steps: Step[] = Array.from({ length: 3000 }, (_, i) => ({ do: 'append', first: i + 1, count: 1 }));
    const { pieces } = run([...steps, { do: 'trimTo', index: 2990 }]);
    expect(pieces.length).toBe(10);
    expect([pieces.firstOf(0), pieces.endOf(9)]).toEqual([2991, 3001]);
  });
});

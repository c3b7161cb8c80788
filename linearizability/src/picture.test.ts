import { describe, expect, it } from '@jest/globals';
import { checkLinearizable } from './check-linearizable.js';
import type { Model } from './model.js';
import { registerModel } from './models/register.js';
import type { Operation } from './operation.js';
import { drawViolation } from './picture.js';
import { drawnRegister } from './testing/timelines.js';

function pictureOf<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): string {
  const result = checkLinearizable(model, operations);
  if (result.verdict !== 'violation') throw new Error('the history is good');
  return drawViolation(model, result.violation, result.message);
}

describe('the picture of a violation', () => {
  const html = pictureOf(
    registerModel(),
    drawnRegister('A [w1] [w2]\nB           [r1]\nC [w3 ?\nB                [r9]'),
  );

  it('has a bar for each operation of it, and none for what came later', () => {
    expect(html.match(/<rect class="bar"/g)).toHaveLength(4);
    expect(html).not.toContain('read 9');
    expect(html.match(/<text x="4"/g)).toHaveLength(3);
  });

  it('numbers what can be explained, and marks what can not and what has no known outcome', () => {
    expect(html.match(/class="order"[^>]*>(\d+)</g)).toHaveLength(2);
    expect(html.match(/<g class="stuck">/g)).toHaveLength(1);
    expect(html).toMatch(/<g class="stuck"><title>read 1 /);
    expect(html.match(/ open"/g)).toHaveLength(1);
  });

  it('is one document that loads nothing and runs nothing, whatever clients are called', () => {
    const evil = { client: '<script>alert(1)</script>', input: { kind: 'read' } as const };
    const text = pictureOf(registerModel(), [
      { ...evil, output: { value: '"><img src=x>' }, invokedAt: 0, returnedAt: 1 },
    ]);
    expect(text).not.toMatch(/<script|<img|https?:\/\/(?!www\.w3\.org)/);
    expect(text).toContain('&lt;script&gt;');
  });
});

import { describe, expect, it } from '@jest/globals';
import { type GateSlot, OrderGate } from './gate.js';

const always = (): boolean => true;
const never = (): boolean => false;

function makeSlot(): GateSlot {
  return { readers: 0, waiting: [] };
}

function makeStep(): { promise: Promise<void>; finish: () => void } {
  let finish!: () => void;
  const promise = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { promise, finish };
}

/** Lets everything happen that waits for nothing but promises. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => {
    setImmediate(resolve);
  });
}

function makeLog(): { lines: string[]; note: (line: string) => () => Promise<void> } {
  const lines: string[] = [];
  const note = (line: string) => async (): Promise<void> => {
    lines.push(line);
  };
  return { lines, note };
}

describe('OrderGate', () => {
  it('starts a write at once when nothing is in its way', () => {
    const { lines, note } = makeLog();
    void new OrderGate().write([makeSlot()], always, note('write'));
    expect(lines).toEqual(['write']);
  });

  it('lets an append pass a read, and nothing pass a write that waits for one', async () => {
    const gate = new OrderGate();
    const [a, b] = [makeSlot(), makeSlot()];
    const step = makeStep();
    const { lines, note } = makeLog();
    const read = gate.read(a, () => step.promise);
    void gate.write([a], never, note('append'));
    const calls = [
      gate.write([a, b], always, note('truncate a and b')),
      gate.read(a, note('read a')),
      gate.write([b], never, note('append b')),
    ];
    expect(lines).toEqual(['append']);
    step.finish();
    await Promise.all([read, ...calls]);
    expect(lines.slice(0, 2)).toEqual(['append', 'truncate a and b']);
    expect(lines.slice(2).sort()).toEqual(['append b', 'read a']);
    expect([a, b].map((slot) => [slot.readers, slot.waiting.length])).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('keeps everybody off a slot that is held, and others free', async () => {
    const gate = new OrderGate();
    const [a, b] = [makeSlot(), makeSlot()];
    const step = makeStep();
    const { lines, note } = makeLog();
    const held = gate.alone(a, () => step.promise);
    const calls = [gate.read(a, note('read')), gate.write([a, a], never, note('write'))];
    void gate.write([b], always, note('other'));
    await settle();
    expect(lines).toEqual(['other']);
    step.finish();
    await Promise.all([held, ...calls]);
    expect(lines).toEqual(['other', 'read', 'write']);
  });

  it('goes on after a call that failed', async () => {
    const gate = new OrderGate();
    const slot = makeSlot();
    const fail = (): Promise<never> => Promise.reject(new Error('failed'));
    const { lines, note } = makeLog();
    const failures = [gate.alone(slot, fail), gate.read(slot, fail), gate.write([slot], always, fail)];
    const last = gate.alone(slot, note('last'));
    for (const failure of failures) await expect(failure).rejects.toThrow('failed');
    await last;
    expect(lines).toEqual(['last']);
  });
});

import { describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { onAbort } from './on-abort.js';

describe('onAbort', () => {
  it('keeps one listener on a signal that a thousand waits share, and none when they have ended', () => {
    const { signal } = new AbortController();
    const ends = Array.from({ length: 1_000 }, () => onAbort(signal, () => undefined));
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    for (const end of ends) end();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  it('calls each listener once, in order, and none that was ended before', () => {
    const controller = new AbortController();
    const called: number[] = [];
    onAbort(controller.signal, () => void called.push(1));
    const endSecond = onAbort(controller.signal, () => void called.push(2));
    onAbort(controller.signal, () => void called.push(3));
    endSecond();
    endSecond();
    controller.abort();
    expect(called).toEqual([1, 3]);
  });

  it('does not call a listener that another one ended while the signal was aborting', () => {
    const controller = new AbortController();
    const called: number[] = [];
    onAbort(controller.signal, () => {
      called.push(1);
      endSecond();
    });
    const endSecond = onAbort(controller.signal, () => void called.push(2));
    controller.abort();
    expect(called).toEqual([1]);
  });

  it('calls the same listener as often as it was given', () => {
    const controller = new AbortController();
    let count = 0;
    const listener = (): void => void count++;
    onAbort(controller.signal, listener);
    const end = onAbort(controller.signal, listener);
    onAbort(controller.signal, listener);
    end();
    controller.abort();
    expect(count).toBe(2);
  });

  it('calls a listener immediately when the signal has aborted', () => {
    let count = 0;
    onAbort(AbortSignal.abort(), () => void count++)();
    expect(count).toBe(1);
  });

  it('listens again after all waits have ended', () => {
    const controller = new AbortController();
    onAbort(controller.signal, () => undefined)();
    let count = 0;
    onAbort(controller.signal, () => void count++);
    controller.abort();
    expect(count).toBe(1);
  });
});

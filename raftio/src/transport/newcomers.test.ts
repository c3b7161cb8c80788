import { describe, expect, it } from '@jest/globals';
import { Newcomers } from './newcomers.js';

function setUp(maxConnections: number): {
  newcomers: Newcomers;
  cut: number[];
  enter: (id: number) => () => void;
} {
  const newcomers = new Newcomers(maxConnections);
  const cut: number[] = [];
  return { newcomers, cut, enter: (id) => newcomers.enter(() => void cut.push(id)) };
}

describe('Newcomers', () => {
  it('closes the oldest when there are more than a quarter of all connections', () => {
    const { newcomers, cut, enter } = setUp(400);
    for (let id = 0; id < 100; id++) enter(id);
    expect(cut).toEqual([]);
    for (let id = 100; id < 103; id++) enter(id);
    expect(cut).toEqual([0, 1, 2]);
    expect(newcomers.count).toBe(100);
  });

  it('forgets who has come through or is gone, once', () => {
    const { newcomers, cut, enter } = setUp(400);
    const leave = Array.from({ length: 100 }, (_, id) => enter(id));
    for (const each of [leave[0], leave[1], leave[0]]) each?.();
    for (let id = 100; id < 102; id++) enter(id);
    expect(cut).toEqual([]);
    enter(102);
    expect(cut).toEqual([2]);
    leave[2]?.();
    expect(newcomers.count).toBe(100);
  });

  it('lets a few be where few connections are held', () => {
    const { cut, enter } = setUp(2);
    for (let id = 0; id < 17; id++) enter(id);
    expect(cut).toEqual([0]);
  });
});

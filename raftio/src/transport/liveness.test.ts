import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LivenessMonitor, type MonitoredLink } from './liveness.js';

const DEFAULTS = { pingIntervalMs: 2000, deadPeerTimeoutMs: 10_000 };

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

/** Stands for a link; counts its sweeps and keeps what they were given. */
function countingLink(): { link: MonitoredLink; sweeps: [number, number][] } {
  const sweeps: [number, number][] = [];
  const link = { sweep: (...given: [number, number]) => sweeps.push(given) };
  return { link, sweeps };
}

describe('LivenessMonitor', () => {
  it('sweeps while there are links, and wakes again for new ones', () => {
    jest.useFakeTimers();
    const links = new Set<MonitoredLink>();
    const monitor = new LivenessMonitor({ pingIntervalMs: 100, deadPeerTimeoutMs: 1000 }, links);
    const { link, sweeps } = countingLink();
    links.add(link);
    monitor.wake();
    monitor.wake();
    jest.advanceTimersByTime(250);
    expect(sweeps).toEqual([
      [10, 1000],
      [10, 1000],
    ]);
    links.clear();
    jest.advanceTimersByTime(100);
    expect(jest.getTimerCount()).toBe(0);
    links.add(link);
    monitor.wake();
    jest.advanceTimersByTime(100);
    expect(sweeps.length).toBe(3);
    monitor.stop();
    monitor.wake();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('sweeps at least three times within the dead peer timeout, however rare the pings are', () => {
    jest.useFakeTimers();
    const { link, sweeps } = countingLink();
    const options = { pingIntervalMs: 60_000, deadPeerTimeoutMs: 900 };
    const monitor = new LivenessMonitor(options, new Set([link]));
    monitor.wake();
    jest.advanceTimersByTime(900);
    expect(sweeps).toEqual([
      [3, 900],
      [3, 900],
      [3, 900],
    ]);
    monitor.stop();
  });

  it('does not keep the process for the sake of its timer', () => {
    const started = jest.spyOn(globalThis, 'setInterval');
    const monitor = new LivenessMonitor(DEFAULTS, new Set([countingLink().link]));
    monitor.wake();
    const timers = started.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef());
    expect(timers).toEqual([false]);
    monitor.stop();
  });
});

/**
 * Microseconds on the machine's monotonic clock. It is one clock for all processes of a machine (CLOCK_MONOTONIC on
 * Linux, mach_absolute_time on macOS, QueryPerformanceCounter on Windows), so that what several of them recorded can be
 * put in one order. `performance.now()` counts from the start of its own process.
 */
export function nowMicros(): number {
  const [seconds, nanos] = process.hrtime();
  return seconds * 1e6 + nanos / 1e3;
}

/** Runs `destroy` after `timeoutMs`, unless `closed` resolves before. Does not hold the process. */
export function destroyAfter(timeoutMs: number, closed: Promise<void>, destroy: () => void): void {
  const timer = setTimeout(destroy, timeoutMs);
  timer.unref();
  void closed.then(() => {
    clearTimeout(timer);
  });
}

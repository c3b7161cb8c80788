/** Waits until all have settled, and only then throws the first error, if there is one: nothing is left behind. */
export async function allSettled(promises: Iterable<Promise<unknown>>): Promise<void> {
  for (const result of await Promise.allSettled(promises))
    if (result.status === 'rejected') throw result.reason;
}

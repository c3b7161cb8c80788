import { isDrakkarError } from '@drakkar/raftio';

/** Often enough, and no load for what is waited for. */
const POLL_MS = 2;

/** Waits, for a bounded time, until `probe` gives something. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
  deadlineMs = 60_000,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const found = await probe();
    if (found !== undefined) return found;
    if (performance.now() > endMs) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Repeats a call whose failure is known to have had no effect. */
export async function retrying<T>(call: () => Promise<T>): Promise<T> {
  const done = await eventually('a call to succeed', async () => {
    try {
      return { value: await call() };
    } catch (error) {
      if (isDrakkarError(error) && error.effect === 'none' && error.retry !== 'never') return undefined;
      throw error;
    }
  });
  return done.value;
}

/** Repeats a call that may be repeated as it is, since it is made with a client session. */
export async function retryingInSession<T>(call: () => Promise<T>): Promise<T> {
  const done = await eventually('a call with a session to succeed', async () => {
    try {
      return { value: await call() };
    } catch (error) {
      if (isDrakkarError(error) && error.retry !== 'never') return undefined;
      throw error;
    }
  });
  return done.value;
}

/** The code of the error that `call` throws or rejects with. */
export async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (isDrakkarError(error)) return error.code;
    throw error;
  }
  return 'no error';
}

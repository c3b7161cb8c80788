/** The waits that share a signal, and the one listener that they have there. */
interface Waits {
  listeners: Set<() => void>;
  fire: () => void;
}

/** One listener for each signal, however many waits share it: Node.js takes more than ten for a leak and warns. */
const waitsBySignal = new WeakMap<AbortSignal, Waits>();

/**
 * Calls `listener` once when `signal` aborts; immediately if it has aborted already. Returns the function that ends
 * that, which may be called at any time and more than once.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener();
    return () => undefined;
  }
  const waits = waitsBySignal.get(signal) ?? listenTo(signal);
  // A function of its own for each call: the same listener may be given twice.
  const wait = (): void => listener();
  waits.listeners.add(wait);
  return () => {
    waits.listeners.delete(wait);
    if (waits.listeners.size > 0 || waitsBySignal.get(signal) !== waits) return;
    waitsBySignal.delete(signal);
    signal.removeEventListener('abort', waits.fire);
  };
}

function listenTo(signal: AbortSignal): Waits {
  const listeners = new Set<() => void>();
  const fire = (): void => {
    waitsBySignal.delete(signal);
    for (const listener of listeners) listener();
  };
  const waits = { listeners, fire };
  waitsBySignal.set(signal, waits);
  signal.addEventListener('abort', fire, { once: true });
  return waits;
}

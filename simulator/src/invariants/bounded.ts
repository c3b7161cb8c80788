import type { Handlers, Invariant } from './observation.js';

/** Queues, logs and files keep within their bounds. */
export class Bounded implements Invariant {
  readonly name = 'bounded queues and memory';

  readonly handlers: Handlers = {
    gauge: ({ what, value, bound }) => {
      if (value > bound) throw new Error(`${what}: ${value}, more than ${bound}`);
    },
  };
}

import type { ILogDB } from '@drakkar/raftio';

interface PendingCall {
  name: string;
  number: number;
  fromMs: number;
}

/** Calls that have not settled, so that a case that hangs reports what it hangs in. */
export class PendingCalls {
  readonly #calls = new Set<PendingCall>();
  #count = 0;

  /** The same LogDB, whose calls are followed. */
  follow(db: ILogDB): ILogDB {
    return new Proxy(db, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          const call = { name: String(name), number: ++this.#count, fromMs: performance.now() };
          this.#calls.add(call);
          const settled = (): void => {
            this.#calls.delete(call);
          };
          try {
            const result = Reflect.apply(value, target, args) as unknown;
            Promise.resolve(result).then(settled, settled);
            return result;
          } catch (error) {
            settled();
            throw error;
          }
        };
      },
    });
  }

  /** Undefined when every call has settled. */
  describe(): string | undefined {
    const [oldest] = this.#calls;
    if (oldest === undefined) return undefined;
    const { name, number, fromMs } = oldest;
    const seconds = ((performance.now() - fromMs) / 1000).toFixed(1);
    const others = this.#calls.size === 1 ? '' : `, and ${this.#calls.size - 1} calls after it`;
    return `${name} (call ${number} of ${this.#count}), which has not settled for ${seconds} s${others}`;
  }
}

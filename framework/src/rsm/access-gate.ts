interface Waiter {
  exclusive: boolean;
  grant: () => void;
}

/**
 * Keeps what changes the state machine apart from what looks at it, when its methods return promises: one holder
 * alone, or any number of holders that share. First come, first served, so neither kind starves the other. To enter
 * a free gate costs no promise.
 */
export class AccessGate {
  #sharing = 0;
  #exclusive = false;
  readonly #queue: Waiter[] = [];

  /** Whether somebody waits to enter. */
  get contended(): boolean {
    return this.#queue.length > 0;
  }

  /** `undefined`: entered. Otherwise entered when the promise resolves; it never rejects. */
  enterShared(): Promise<void> | undefined {
    if (this.#exclusive || this.#queue.length > 0) return this.#wait(false);
    this.#sharing++;
    return undefined;
  }

  /** As `enterShared`, but alone. */
  enterExclusive(): Promise<void> | undefined {
    if (this.#exclusive || this.#sharing > 0 || this.#queue.length > 0) return this.#wait(true);
    this.#exclusive = true;
    return undefined;
  }

  /** Called once by each who has entered. */
  leave(): void {
    if (this.#exclusive) this.#exclusive = false;
    else this.#sharing--;
    if (this.#queue.length > 0) this.#admit();
  }

  #wait(exclusive: boolean): Promise<void> {
    return new Promise((grant) => this.#queue.push({ exclusive, grant }));
  }

  /** The place is theirs from here on, before their promises have resolved. */
  #admit(): void {
    for (let next = this.#queue[0]; next !== undefined && !this.#exclusive; next = this.#queue[0]) {
      if (next.exclusive && this.#sharing > 0) return;
      this.#queue.shift();
      if (next.exclusive) this.#exclusive = true;
      else this.#sharing++;
      next.grant();
    }
  }
}

/** A replica's place in the gate. */
export interface GateSlot {
  /** Reads under way. */
  readers: number;
  readonly waiting: Ticket[];
}

interface Ticket {
  /** Whether it was started and keeps its slots. */
  running: boolean;
  readonly slots: readonly GateSlot[];
  /** Asked when its turn has come; false: wait for the readers to finish. */
  mayStart(): boolean;
  /** Returns whether the slots stay taken, until `release`. */
  start(): boolean;
}

/**
 * Keeps calls for one replica in the order they were made, calls for others free of each other. Reads overlap reads
 * and writes that only add; a write that takes away what a read may be looking at waits for it, and what was called
 * after that write waits for the write. Nobody waits, and nothing is allocated, on the way of an ordinary append.
 */
export class OrderGate {
  /** Runs `read` in its turn. What it looks at in memory it must look at before it first waits. */
  read<T>(slot: GateSlot, read: () => Promise<T>): Promise<T> {
    if (slot.waiting.length === 0) return this.#runRead(slot, read);
    return new Promise<T>((resolve) => {
      this.#enqueue({
        running: false,
        slots: [slot],
        mayStart: () => true,
        start: () => {
          resolve(this.#runRead(slot, read));
          return false;
        },
      });
    });
  }

  /**
   * Runs `write` in its turn. What it does before it first waits is ordered; the rest is not.
   * @param takesAway asked when the turn has come: whether to wait for reads that are under way
   */
  write<T>(slots: readonly GateSlot[], takesAway: () => boolean, write: () => Promise<T>): Promise<T> {
    const free = slots.every((slot) => slot.waiting.length === 0);
    if (free && this.#mayWrite(slots, takesAway)) return write();
    return new Promise<T>((resolve) => {
      this.#enqueue({
        running: false,
        slots: unique(slots),
        mayStart: () => this.#mayWrite(slots, takesAway),
        start: () => {
          resolve(write());
          return false;
        },
      });
    });
  }

  /** Runs `work` alone on the slot, from its turn on until it settles. */
  async alone<T>(slot: GateSlot, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve) => {
      this.#enqueue({
        running: false,
        slots: [slot],
        mayStart: () => slot.readers === 0,
        start: () => {
          resolve();
          return true;
        },
      });
    });
    try {
      return await work();
    } finally {
      slot.waiting.shift();
      this.#pump(slot);
    }
  }

  async #runRead<T>(slot: GateSlot, read: () => Promise<T>): Promise<T> {
    slot.readers++;
    try {
      return await read();
    } finally {
      slot.readers--;
      this.#pump(slot);
    }
  }

  #mayWrite(slots: readonly GateSlot[], takesAway: () => boolean): boolean {
    return slots.every((slot) => slot.readers === 0) || !takesAway();
  }

  #enqueue(ticket: Ticket): void {
    for (const slot of ticket.slots) slot.waiting.push(ticket);
    for (const slot of ticket.slots) this.#pump(slot);
  }

  #pump(slot: GateSlot): void {
    for (let ticket = slot.waiting[0]; ticket !== undefined; ticket = slot.waiting[0]) {
      const head = ticket;
      if (head.running) return;
      if (!head.slots.every((other) => other.waiting[0] === head) || !head.mayStart()) return;
      if (head.start()) {
        head.running = true;
        return;
      }
      for (const other of head.slots) other.waiting.shift();
      for (const other of head.slots) if (other !== slot) this.#pump(other);
    }
  }
}

function unique(slots: readonly GateSlot[]): readonly GateSlot[] {
  return [...new Set(slots)];
}

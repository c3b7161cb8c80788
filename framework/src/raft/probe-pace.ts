/**
 * When a remote in probe gets entries. It may take messages and drop their entries, for want of room, or answer nothing
 * while its disk is busy; Dragonboat and 0.1 do not say which. So what was sent and not acknowledged is asked for first,
 * by empty messages, one for each response to a heartbeat:
 *
 * - the answer says that the entries have arrived, or lets them go once more: a message that was lost costs one more
 *   round trip;
 * - entries that are not acknowledged the second time go one at a time, after pauses that double.
 */
export class ProbePace {
  /** Times that entries were sent in a row and not acknowledged. */
  private sends = 0;
  /** The index before them. */
  private prev = 0;
  /** Whether an answer has come to anything that was sent since. */
  private isAnswered = true;
  private retryTick = 0;

  /** Whether only an empty message may be sent now. */
  isHeld(tick: number): boolean {
    return !this.isAnswered || tick < this.retryTick;
  }

  /** Whether entries go one at a time: a larger message may be what it can't take. */
  get isCautious(): boolean {
    return this.sends > 1;
  }

  /** Entries after `prev` are on their way. */
  sent(prev: number, tick: number, baseTicks: number, maxTicks: number): void {
    this.retryTick = this.sends === 0 ? 0 : tick + Math.min(baseTicks * 2 ** this.sends, maxTicks);
    this.sends += 1;
    this.prev = prev;
    this.isAnswered = false;
  }

  /** It has everything up to `index`. Whether it takes entries: an answer to an empty message does not say so. */
  acknowledged(index: number): boolean {
    this.isAnswered = true;
    return this.sends === 0 || index > this.prev;
  }

  clear(): void {
    this.sends = 0;
    this.isAnswered = true;
    this.retryTick = 0;
  }
}

/** So many times in a period, in ticks of its owner: for what others can cause as often as they like. */
export class Allowance {
  readonly #count: number;
  readonly #periodTicks: number;
  #sinceTick = -Infinity;
  #taken = 0;

  constructor(count: number, periodTicks: number) {
    this.#count = count;
    this.#periodTicks = periodTicks;
  }

  /** Whether once more is allowed, which is then taken. */
  take(nowTick: number): boolean {
    if (nowTick - this.#sinceTick >= this.#periodTicks) {
      this.#sinceTick = nowTick;
      this.#taken = 0;
    }
    if (this.#taken >= this.#count) return false;
    this.#taken += 1;
    return true;
  }
}

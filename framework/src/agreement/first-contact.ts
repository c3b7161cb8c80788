/** For how many election timeouts a leader stands in the way of others after it was heard. */
const HEARD_ELECTION_TIMEOUTS = 2;
/** For how many ticks it is remembered, at least: the leader of a group that sleeps is heard once in a hundred. */
const MIN_REMEMBERED_TICKS = 350;
/** Groups that are remembered; who claims more of them pushes out the one that was heard longest ago. */
const MAX_GROUPS = 8;

interface Heard {
  sinceTick: number;
  lastTick: number;
}

/**
 * Which group a replica that joins is of, before that is recorded. A single message settles nothing, for anybody can
 * send one: a leader is believed when it is heard in two ticks, and no leader of another group is.
 */
export class FirstContact {
  readonly #keptTicks: number;
  readonly #contestTicks: number;
  readonly #heard = new Map<number, Heard>();

  constructor(electionTimeoutTicks: number) {
    this.#contestTicks = HEARD_ELECTION_TIMEOUTS * electionTimeoutTicks;
    this.#keptTicks = Math.max(this.#contestTicks, MIN_REMEMBERED_TICKS);
  }

  /** A leader of that group is heard. */
  hear(groupID: number, nowTick: number): 'believed' | 'unconfirmed' | 'contested' {
    for (const [id, { lastTick }] of this.#heard)
      if (nowTick - lastTick >= this.#keptTicks) this.#heard.delete(id);
    const sinceTick = this.#heard.get(groupID)?.sinceTick ?? nowTick;
    this.#heard.delete(groupID);
    const isContested = [...this.#heard.values()].some(
      ({ sinceTick: since, lastTick }) => lastTick > since && nowTick - lastTick < this.#contestTicks,
    );
    // The order of the map is that of the last message.
    this.#heard.set(groupID, { sinceTick, lastTick: nowTick });
    const oldest = this.#heard.size > MAX_GROUPS ? this.#heard.keys().next().value : undefined;
    if (oldest !== undefined) this.#heard.delete(oldest);
    if (nowTick === sinceTick) return 'unconfirmed';
    return isContested ? 'contested' : 'believed';
  }
}

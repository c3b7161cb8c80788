import { type Observations, type ReplicaName, type Saved, nameOfReplica } from './observation.js';
import { ShadowDisk, ShadowLog } from './shadow-log.js';

/** One replica, as far as it has been seen. */
export class Shadow {
  /** The log that its core works with. */
  log = new ShadowLog();
  /** What is durable for certain. */
  disk = new ShadowDisk();
  /** Saves given to the LogDB and not yet reported durable, in order. */
  saving: Saved[] = [];
  /** Term that it leads; 0 = it does not. */
  leads = 0;
}

/** All replicas, kept up to date before any invariant is asked. */
export class Shadows {
  readonly #replicas = new Map<string, Shadow>();
  /** What was on disks that were lost. */
  readonly #lost = new Map<string, ShadowDisk>();

  of(name: ReplicaName): Shadow {
    const key = nameOfReplica(name);
    let shadow = this.#replicas.get(key);
    if (shadow === undefined) {
      shadow = new Shadow();
      this.#replicas.set(key, shadow);
    }
    return shadow;
  }

  /** Replicas of a group, with their node ids. */
  *ofGroup(clusterID: number): Generator<[number, Shadow]> {
    const prefix = `${clusterID}/`;
    for (const [name, shadow] of this.#replicas) {
      if (name.startsWith(prefix)) yield [Number(name.slice(prefix.length)), shadow];
    }
  }

  /**
   * What is on the disk, going by what a replica starts with: what was durable, and of the saves that a crash has
   * interrupted none, some first ones or all. `undefined` when it starts with none of these.
   */
  matchStart(seen: Observations['started']): ShadowDisk | undefined {
    const { disk, saving } = this.of(seen);
    const candidate = disk.copy();
    if (isDiskOf(candidate, seen)) return candidate;
    for (const saved of saving) {
      candidate.save(saved);
      if (isDiskOf(candidate, seen)) return candidate;
    }
    return undefined;
  }

  started(seen: Observations['started']): void {
    const shadow = this.of(seen);
    shadow.disk = this.matchStart(seen) ?? shadow.disk;
    shadow.log = shadow.disk.log.copy();
    if (seen.snapshotIndex > shadow.log.last) shadow.log.install(seen.snapshotIndex, seen.snapshotTerm);
    shadow.saving = [];
    shadow.leads = 0;
  }

  crashed(seen: Observations['crashed']): void {
    this.of(seen).leads = 0;
  }

  /** Should it start again, it has nothing. */
  lost(seen: Observations['lost']): void {
    const key = nameOfReplica(seen);
    const shadow = this.#replicas.get(key);
    if (shadow !== undefined) this.#lost.set(key, shadow.disk);
    this.#replicas.delete(key);
  }

  /** Whether a replica may have acknowledged the entry: it is on its disk, or was on the one that it has lost. */
  hasHeld(name: ReplicaName, index: number, term: number): boolean {
    const lost = this.#lost.get(nameOfReplica(name));
    return this.of(name).disk.log.holds(index, term) || lost?.log.holds(index, term) === true;
  }

  /** Where the log ended, at most, that a replica may have acknowledged: on its disk, or on the one that it has lost. */
  lastHeld(name: ReplicaName): number {
    const lost = this.#lost.get(nameOfReplica(name));
    return Math.max(this.of(name).disk.log.last, lost?.log.last ?? 0);
  }

  appended(seen: Observations['appended']): void {
    const { log } = this.of(seen);
    if (seen.snapshot !== undefined) log.install(seen.snapshot.index, seen.snapshot.term);
    log.append(seen.entries);
  }

  saving(seen: Observations['saving']): void {
    this.of(seen).saving.push(seen);
  }

  durable(seen: Observations['durable']): void {
    const shadow = this.of(seen);
    const saved = shadow.saving.shift();
    if (saved !== undefined) shadow.disk.save(saved);
  }

  elected(seen: Observations['elected']): void {
    this.of(seen).leads = seen.term;
  }
}

function isDiskOf({ state, log }: ShadowDisk, seen: Observations['started']): boolean {
  const { term, vote, commit } = seen.state;
  if (state.term !== term || state.vote !== vote || state.commit !== commit) return false;
  if (log.base > seen.snapshotIndex) return false;
  if (seen.lastIndex !== Math.max(log.last, seen.snapshotIndex)) return false;
  let run = -1;
  for (let index = seen.firstIndex; index <= seen.lastIndex; index++) {
    while ((seen.termRuns[run + 1]?.index ?? Infinity) <= index) run++;
    const expected = log.term(index);
    if (expected !== undefined && expected !== seen.termRuns[run]?.term) return false;
  }
  return true;
}

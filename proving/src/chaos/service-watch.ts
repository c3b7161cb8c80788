import type { ChaosCluster, ChaosHostHandle } from './cluster.js';
import type { Group } from './groups.js';
import type { Way } from './network.js';
import type { GroupRecorder } from './recorder.js';

const LOOK_EVERY_MS = 250;
/** A look that comes so much later than it should: this process itself, or the machine, had no time. */
const LATE_MS = 1_000;
/** Processes report four times a second: one that does not for so long had no time either. */
const SILENT_MS = 1_000;
/** A longer delay than that leaves no time for elections. */
const MAX_DELAY_MS = 100;
/** After a cut, until what was connected has noticed: over UDP by silence alone. */
const CUT_AFTERMATH_MS = { tcp: 2_000, udp: 10_000 };

/** What the watch looks at. */
export interface Watched {
  readonly hosts: readonly ChaosHostHandle[];
  readonly network: { readonly ways: readonly Way[] };
  readonly setup: { readonly pair: Pick<ChaosCluster['setup']['pair'], 'carrier'> };
}

/**
 * Looks out for pauses that no fault explains: all the while a majority of a group's hosts run, have room on their disks,
 * and are well connected with each other, and no client of the group gets an answer.
 */
export class ServiceWatch {
  /** The longest of all groups. */
  longestMs = 0;
  longestOf: number | undefined;
  readonly #watched: Watched;
  readonly #groups: readonly Group[];
  readonly #recorders: ReadonlyMap<number, GroupRecorder>;
  /** By group: since when nothing is wrong with a majority. */
  readonly #wellSince = new Map<number, number>();
  /** By host: its last report, and when it was first seen. */
  readonly #heard = new Map<number, { report: unknown; atMs: number }>();
  #lastLookAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(watched: Watched, groups: readonly Group[], recorders: ReadonlyMap<number, GroupRecorder>) {
    this.#watched = watched;
    this.#groups = groups;
    this.#recorders = recorders;
  }

  start(): void {
    this.#lastLookAt = performance.now();
    this.#wellSince.clear();
    this.#timer = setInterval(() => this.look(performance.now()), LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @param now by `performance.now` */
  look(now: number): void {
    const isLate = now - this.#lastLookAt > LOOK_EVERY_MS + LATE_MS;
    this.#lastLookAt = now;
    const links = this.#goodLinks(now);
    const running = this.#watched.hosts.filter((host) => this.#runsWell(host, now));
    for (const group of this.#groups) {
      const { clusterID } = group;
      const recorder = this.#recorders.get(clusterID);
      if (recorder === undefined) continue;
      if (isLate || !hasGoodMajority(group, running, links)) {
        this.#wellSince.set(clusterID, now);
        continue;
      }
      const wellSince = this.#wellSince.get(clusterID) ?? now;
      this.#wellSince.set(clusterID, wellSince);
      const pauseMs = now - Math.max(wellSince, recorder.lastAnswerAt);
      if (pauseMs <= this.longestMs) continue;
      this.longestMs = pauseMs;
      this.longestOf = clusterID;
    }
  }

  /** Pairs of hosts, as `from>to`. */
  #goodLinks(now: number): Set<string> {
    const aftermathMs = CUT_AFTERMATH_MS[this.#watched.setup.pair.carrier];
    const good = this.#watched.network.ways.filter(({ relay: { state, cutAtMs } }) => {
      const isObstructed = state.isBlocked || state.lossPercent > 0 || state.delayMs > MAX_DELAY_MS;
      return !isObstructed && state.detourPort === undefined && now - cutAtMs > aftermathMs;
    });
    return new Set(good.map(({ from, to }) => `${from}>${to}`));
  }

  #runsWell(host: ChaosHostHandle, now: number): boolean {
    const { hostID, process, isReady, isPaused, hasFullDisk } = host;
    if (process?.isRunning !== true || !isReady || isPaused || hasFullDisk) return false;
    const before = this.#heard.get(hostID);
    if (before === undefined || before.report !== process.news) {
      this.#heard.set(hostID, { report: process.news, atMs: now });
      return true;
    }
    return now - before.atMs < SILENT_MS;
  }
}

function hasGoodMajority(
  { members }: Group,
  running: readonly ChaosHostHandle[],
  links: ReadonlySet<string>,
): boolean {
  const own = running.map(({ hostID }) => hostID).filter((hostID) => members.has(hostID));
  const areConnected = (a: number, b: number): boolean => links.has(`${a}>${b}`) && links.has(`${b}>${a}`);
  return largestClique(own, areConnected) > members.size / 2;
}

/** How many of a few, at most, are all connected with each other. */
function largestClique(of: readonly number[], areConnected: (a: number, b: number) => boolean): number {
  const [first, ...others] = of;
  if (first === undefined) return 0;
  const friends = others.filter((other) => areConnected(first, other));
  return Math.max(1 + largestClique(friends, areConnected), largestClique(others, areConnected));
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Violation as HistoryViolation, drawViolation, keyValueModel } from '@drakkar/linearizability';
import type { KeyValueInput, RegisterOutput } from '@drakkar/linearizability';
import { SeededRandom } from '../harness/random.js';
import { removeScratchDir } from '../harness/scratch-dir.js';
import { checkHistory } from './checks.js';
import { type DiskKind, Disks } from './disks.js';
import { NETWORK_FAULTS, OPERATOR_ACTIONS, PROCESS_FAULTS } from './fault-kinds.js';
import { Guard } from './guard.js';
import { Bag } from './lane.js';
import type { Pair } from './pairs.js';
import { type GroupRecorder, toEDN } from './recorder.js';
import { type Bags, Round, type RoundResult } from './round.js';
import { type PairFigures, addRound, emptyFigures } from './table.js';

export interface RunOptions {
  pairs: readonly Pair[];
  seed: number;
  groups: number;
  /** For all rounds, with everything that belongs to them. */
  totalMs: number;
  /** Existing folder. */
  dir: string;
  keep: boolean;
  nodeScript: string;
  guardScript: string;
  say: (line: string) => void;
  /** Given the round that is played, to be asked how it goes. */
  onRound?: (name: string, round: Round) => void;
}

const HOSTS = 5;
const DEADLINE_MS = 90_000;
/** About what a round takes beside the faults: starting, healing, checking. What it does not take later rounds get. */
const OVERHEAD_MS = 12_000;
const LEAST_FAULT_MS = 10_000;
const ROUND_MS = 240_000;

/** How long there are faults in a round, when so many rounds, it among them, share the time that is left. */
function faultTime(leftMs: number, rounds: number): number {
  return Math.max(LEAST_FAULT_MS, leftMs / rounds - OVERHEAD_MS);
}

/** Rounds over all pairs, until the first that does not hold. */
export class ChaosRun {
  readonly figures: readonly PairFigures[];
  diskKind: DiskKind | undefined;
  readonly #options: RunOptions;
  readonly #random: SeededRandom;
  readonly #bags: Bags;
  #failures: string[] = [];

  constructor(options: RunOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.figures = options.pairs.map(({ name }) => emptyFigures(name));
    const random = (): SeededRandom => new SeededRandom(this.#random.between(0, 2 ** 31));
    this.#bags = {
      process: new Bag(PROCESS_FAULTS, random()),
      network: new Bag(NETWORK_FAULTS, random()),
      operator: new Bag(OPERATOR_ACTIONS, random()),
    };
  }

  /** What did not hold. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  /** Resolves to whether all rounds were good. */
  async play(signal: AbortSignal): Promise<boolean> {
    const { pairs, totalMs, dir, say } = this.#options;
    const guard = new Guard(this.#options.guardScript);
    try {
      const diskKind = await Disks.kindHere(dir, guard);
      this.diskKind = diskKind;
      say('network: a relay for each way between two hosts; loss of messages above the transport');
      say(
        diskKind === 'file system'
          ? 'disks: a small file system for each host'
          : 'disks: full ones are faults below the LogDB, for small file systems take root and Linux',
      );
      const count = pairs.length * Math.max(1, Math.round(totalMs / pairs.length / ROUND_MS));
      const startedAt = performance.now();
      for (let number = 1; number <= count; number += 1) {
        signal.throwIfAborted();
        const place = (number - 1) % pairs.length;
        // Each pair has TLS in every other round; in a run of one round each, every other pair.
        const tls = (place + Math.floor((number - 1) / pairs.length) + this.#options.seed) % 2 === 1;
        const faultMs = faultTime(startedAt + totalMs - performance.now(), count - number + 1);
        const isGood = await this.#playRound({ number, count, place, tls, faultMs, guard, diskKind }, signal);
        if (!isGood) return false;
      }
      return true;
    } finally {
      await guard.end();
    }
  }

  async #playRound(
    spec: {
      number: number;
      count: number;
      place: number;
      tls: boolean;
      faultMs: number;
      guard: Guard;
      diskKind: DiskKind;
    },
    signal: AbortSignal,
  ): Promise<boolean> {
    const { number, count, place, tls, faultMs, guard, diskKind } = spec;
    const { pairs, groups, nodeScript, say, onRound, keep } = this.#options;
    const pair = pairs[place] as Pair;
    const name = `round ${number} of ${count}: ${pair.name}${tls ? ' with TLS' : ''}`;
    const dir = join(this.#options.dir, `round-${number}`);
    const startedAt = performance.now();
    const round = new Round({
      pair,
      tls,
      dir,
      diskKind,
      guard,
      hosts: HOSTS,
      groups,
      faultMs,
      deadlineMs: DEADLINE_MS,
      seed: this.#random.between(0, 2 ** 31),
      bags: this.#bags,
      nodeScript,
      say: (told) => say(`  ${told}`),
    });
    say(`${name}, faults for ${Math.round(faultMs / 1000)} s`);
    onRound?.(name, round);
    const result = await round.play(signal);
    addRound(this.figures[place] as PairFigures, tls, result);
    const isGood = result.violations.length === 0 && result.stuck.length === 0;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    const told = `${result.acknowledged} writes, ${result.unknown} unknown, ${result.reads} reads, ${result.checked} operations checked`;
    say(`${isGood ? 'ok    ' : 'FAILED'} ${name}: ${told} (${seconds} s)`);
    if (!isGood) await this.#report(name, dir, result);
    else if (!keep) await removeScratchDir(dir);
    return isGood;
  }

  async #report(name: string, dir: string, result: RoundResult): Promise<void> {
    const { say } = this.#options;
    this.#failures = [
      ...result.violations.map(({ kind, clusterID, detail }) => {
        return `${kind}${clusterID === undefined ? '' : `, group ${clusterID}`}: ${detail}`;
      }),
      ...result.stuck.map((detail) => `stuck: ${detail}`),
    ];
    const report = [name, ...this.#failures, `errors met by clients: ${JSON.stringify(result.errors)}`];
    await writeFile(join(dir, 'report.txt'), `${report.join('\n\n')}\n`);
    for (const failure of this.#failures) say(`       ${failure}`);
    for (const recorder of result.recorders) await this.#keepHistory(dir, recorder);
  }

  /** For `drakkar-history`, and drawn where that shows something. */
  async #keepHistory(dir: string, { clusterID, calls }: GroupRecorder): Promise<void> {
    const path = join(dir, `history-${clusterID}`);
    await writeFile(`${path}.edn`, toEDN(calls));
    const verdict = checkHistory(calls);
    if (verdict.verdict !== 'violation') return;
    const violation: HistoryViolation<KeyValueInput, RegisterOutput> = verdict.violation;
    await writeFile(`${path}.html`, drawViolation(keyValueModel(), violation, verdict.message));
    this.#options.say(`       drawn in ${path}.html`);
  }
}

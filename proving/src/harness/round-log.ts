import type { Check } from './verify.js';

/** What is told of every round, whatever was done in it. */
export interface RoundFacts {
  round: number;
  checks: readonly Check[];
  acknowledgedWrites: number;
  unknownOutcomes: number;
  reads: number;
}

/** Prints rounds as they end, and what they come to in all. */
export class RoundLog {
  readonly #rounds: number;
  #count = 0;
  #acknowledgedWrites = 0;
  #unknownOutcomes = 0;
  #reads = 0;

  /** Of so many rounds. */
  constructor(rounds: number) {
    this.#rounds = rounds;
  }

  show({ round, checks, acknowledgedWrites, unknownOutcomes, reads }: RoundFacts, told: string): void {
    this.#count += 1;
    this.#acknowledgedWrites += acknowledgedWrites;
    this.#unknownOutcomes += unknownOutcomes;
    this.#reads += reads;
    const failed = checks.filter(({ isGood }) => !isGood);
    const verdict = failed.length === 0 ? 'ok    ' : 'FAILED';
    const counts = `${acknowledgedWrites} writes, ${unknownOutcomes} unknown, ${reads} reads`;
    console.log(`${verdict} round ${round} of ${this.#rounds}: ${counts}; ${told}`);
    for (const { name, detail } of failed) console.log(`       ${name}: ${detail}`);
  }

  summarize(): void {
    console.log(
      `${this.#count} rounds: ${this.#acknowledgedWrites} writes acknowledged, ` +
        `${this.#unknownOutcomes} of unknown outcome, ${this.#reads} reads`,
    );
  }
}

/** Equal on all replicas, since they decide which commands are applied: to change one changes how entries are applied. */
export const MAX_ANSWERS = 10_000;
export const MAX_ANSWERS_BYTES = 16 * 1024 * 1024;

/** What is remembered of a command. */
export interface Remembered {
  /** Its place among the commands of the group. */
  readonly sequence: number;
  /** Of its name and arguments. */
  readonly checksum: number;
  readonly answer: Uint8Array;
}

/** As it is in snapshots. */
export type RememberedAnswer = readonly [key: string, sequence: number, checksum: number, answer: Uint8Array];

/**
 * The answers to the commands with a key that were applied last, so that a command that is sent again is answered and not
 * applied again. Replicated state: it changes by commands only, and is part of snapshots.
 */
export class Answers {
  readonly #answers = new Map<string, Remembered>();
  #sizeBytes = 0;
  #forgottenTo = 0;

  /** Place of the last command whose answer was forgotten; 0: none was. */
  get forgottenTo(): number {
    return this.#forgottenTo;
  }

  get(key: string): Remembered | undefined {
    return this.#answers.get(key);
  }

  /** Adds the answer to the command that was applied last; the oldest go. */
  add(key: string, remembered: Remembered): void {
    this.#answers.set(key, remembered);
    this.#sizeBytes += sizeOf(key, remembered.answer);
    for (const [oldest, { sequence: itsSequence, answer: itsAnswer }] of this.#answers) {
      if (this.#answers.size <= MAX_ANSWERS && this.#sizeBytes <= MAX_ANSWERS_BYTES) break;
      this.#answers.delete(oldest);
      this.#sizeBytes -= sizeOf(oldest, itsAnswer);
      this.#forgottenTo = itsSequence;
    }
  }

  toList(): RememberedAnswer[] {
    return [...this.#answers].map(([key, each]) => [key, each.sequence, each.checksum, each.answer]);
  }

  static from(list: readonly RememberedAnswer[], forgottenTo: number): Answers {
    const answers = new Answers();
    for (const [key, sequence, checksum, answer] of list) answers.add(key, { sequence, checksum, answer });
    answers.#forgottenTo = forgottenTo;
    return answers;
  }
}

function sizeOf(key: string, answer: Uint8Array): number {
  return key.length + answer.length;
}

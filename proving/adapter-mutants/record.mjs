import { appendFileSync, existsSync, readFileSync } from 'node:fs';

/**
 * What a run has found so far, a line of JSON for each: the run that is told the same file goes on where the last one
 * was interrupted. Lines of other sources, or of another suite, do not count.
 */
export class RunRecord {
  #file;
  #lines;

  constructor(file) {
    this.#file = file;
    this.#lines = file === undefined || !existsSync(file) ? [] : readLines(file);
  }

  add(line) {
    this.#lines.push(line);
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }

  /** The suite without a mutant, if it ran with the same seed and share. */
  baseline({ target, print, seed, share }) {
    const found = this.#lines.findLast(
      (line) =>
        line.baseline !== undefined &&
        line.target === target &&
        line.print === print &&
        line.seed === seed &&
        line.share === share,
    );
    return found?.baseline;
  }

  /** Mutant id → result. */
  results({ target, print, share }) {
    const lines = this.#lines.filter(
      (line) =>
        line.result !== undefined && line.target === target && line.print === print && line.share === share,
    );
    return new Map(lines.map(({ result }) => [result.id, result]));
  }
}

/** The last line may be torn. */
function readLines(file) {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line)];
      } catch {
        return [];
      }
    });
}

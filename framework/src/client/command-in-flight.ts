import { createHash } from 'node:crypto';
import type { Uint64 } from '@drakkar/raftio';
import type { RequestOutcome } from './claims.js';

/** Commands up to this size are kept as they are, of larger ones a digest: so a session holds little. */
const MAX_KEPT_BYTES = 256;

/** After these nothing of the attempt is in a log that could still be applied. */
const WITHOUT_EFFECT: ReadonlySet<RequestOutcome> = new Set(['dropped', 'rejected']);

/** The command of a session under one series id, and what has become of the attempts at it. */
export class CommandInFlight {
  readonly seriesID: Uint64;
  #sizeBytes = 0;
  #mark: Uint8Array | undefined;
  #open = 0;
  #mayBeApplied: boolean;

  /** @param mayBeApplied whether there may have been attempts that nobody here knows of */
  constructor(seriesID: Uint64, mayBeApplied: boolean) {
    this.seriesID = seriesID;
    this.#mayBeApplied = mayBeApplied;
  }

  /** Whether an attempt may have been applied, or may yet be. */
  get mayBeApplied(): boolean {
    return this.#mayBeApplied || this.#open > 0;
  }

  /** Whether `cmd` is another command than the one whose attempts were begun. */
  isOther(cmd: Uint8Array): boolean {
    const mark = this.#mark;
    if (mark === undefined) return false;
    return cmd.length !== this.#sizeBytes || Buffer.compare(markOf(cmd), mark) !== 0;
  }

  /** An attempt at `cmd` is on its way. */
  begin(cmd: Uint8Array): void {
    if (this.#mark === undefined || !this.mayBeApplied) {
      this.#sizeBytes = cmd.length;
      this.#mark = markOf(cmd);
    }
    this.#open++;
  }

  /** An attempt has ended. @returns whether another one may have been applied, or may yet be */
  ended(outcome: RequestOutcome): boolean {
    this.#open--;
    const mayOthersBeApplied = this.mayBeApplied;
    if (!WITHOUT_EFFECT.has(outcome)) this.#mayBeApplied = true;
    return mayOthersBeApplied;
  }
}

/** A copy, since the caller may use its buffer again. */
function markOf(cmd: Uint8Array): Uint8Array {
  return cmd.length <= MAX_KEPT_BYTES ? new Uint8Array(cmd) : createHash('sha256').update(cmd).digest();
}

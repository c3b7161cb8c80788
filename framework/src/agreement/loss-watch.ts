import type { LostLog } from '@drakkar/raftio';
import { ErrEntriesLost } from '../errors/index.js';

/** What the watch needs of its replica. */
export interface LossWatchHost {
  readonly nowTick: number;
  /** As the core says; undefined: it has what it acknowledged, as far as is known. */
  readonly lost: Readonly<LostLog> | undefined;
  readonly lastIndex: number;
  /** Whether that node may lead, as far as this replica knows. What others say is not recorded: anybody may say it. */
  mayLead(nodeID: number): boolean;
  /** Makes durable what is lost. */
  record(lost: LostLog | undefined): Promise<void>;
  /** Calls to the replica throw this from now on. It is recorded. */
  refused(error: ErrEntriesLost): void;
  /** The replica has again what it had acknowledged, and that is recorded. */
  regained(): void;
  recordFailed(error: unknown): void;
}

export interface LossWatchOptions {
  clusterID: number;
  nodeID: number;
  /** What an earlier run of the host has recorded. */
  recorded: LostLog | undefined;
  /** Pause between records of a loss that is found to be larger. */
  pauseTicks: number;
}

/**
 * A replica that lacks entries which it acknowledged neither votes nor serves, in later runs of its host either: the
 * leader that counts on them may be gone by then. So that is recorded as soon as it is found out.
 */
export class LossWatch {
  readonly #options: LossWatchOptions;
  readonly #host: LossWatchHost;
  #recorded: LostLog | undefined;
  #isRecording = false;
  #recordedTick = -Infinity;
  #refusal: ErrEntriesLost | undefined;
  #isTold = false;

  constructor(options: LossWatchOptions, host: LossWatchHost) {
    this.#options = options;
    this.#host = host;
    this.#recorded = options.recorded;
  }

  /** Why the replica takes no writes and serves no linearizable reads; undefined: it does. */
  get refusal(): ErrEntriesLost | undefined {
    return this.#refusal;
  }

  /** Called with each tick. */
  tick(): void {
    const { lost } = this.#host;
    if (lost === undefined) this.#refusal = undefined;
    else this.#refusal ??= this.#describe(lost);
    if (this.#isRecording) return;
    const isToRecord = lost === undefined || this.#host.mayLead(lost.leaderID);
    if (!isSame(lost, this.#recorded) && isToRecord) void this.#record(lost);
    else this.#tell();
  }

  async #record(lost: Readonly<LostLog> | undefined): Promise<void> {
    const { nowTick } = this.#host;
    const isUrgent = lost === undefined || this.#recorded === undefined;
    if (!isUrgent && nowTick - this.#recordedTick < this.#options.pauseTicks) return;
    const record = lost && { index: lost.index, term: lost.term, leaderID: lost.leaderID };
    this.#isRecording = true;
    this.#recordedTick = nowTick;
    try {
      await this.#host.record(record);
      this.#recorded = record;
      this.#isRecording = false;
      this.#tell();
    } catch (error) {
      // Nothing more is recorded: the LogDB takes nothing any more.
      this.#host.recordFailed(error);
    }
  }

  /** Says once what has come of it. */
  #tell(): void {
    if (this.#refusal !== undefined && !this.#isTold) {
      this.#isTold = true;
      this.#host.refused(this.#refusal);
    } else if (this.#refusal === undefined && this.#isTold) {
      this.#isTold = false;
      this.#host.regained();
    }
  }

  #describe({ index: lostIndex }: LostLog): ErrEntriesLost {
    const { clusterID, nodeID } = this.#options;
    const { lastIndex } = this.#host;
    return new ErrEntriesLost(
      `group ${clusterID}: node ${nodeID} on this host does not have entries that it acknowledged, its log ends at ` +
        `${lastIndex} and its leader counts on ${lostIndex}: its disk was wiped, or an old copy was put back. It ` +
        'neither votes nor serves; remove the node, and add a new one under another node id',
      { details: { clusterID, nodeID, lastIndex, lostIndex } },
    );
  }
}

function isSame(lost: LostLog | undefined, recorded: LostLog | undefined): boolean {
  return (
    lost?.index === recorded?.index && lost?.term === recorded?.term && lost?.leaderID === recorded?.leaderID
  );
}

import type { ILogDB } from '@drakkar/raftio';
import { unlessClosed } from './closed.js';
import { checkIDs } from './ids.js';
import { notFound, unusable } from './member.js';
import type { ReplicaSet } from './replica-set.js';

/** A long operation of the host that was accepted and goes on by itself (Go: SysOpState). */
export class SysOpState {
  /** Resolves when the operation is done; rejects with the LogDB's error. Nobody has to wait for it. */
  readonly completed: Promise<void>;
  #isDone = false;

  /** @internal */
  constructor(work: Promise<void>) {
    this.completed = work.finally(() => {
      this.#isDone = true;
    });
    this.completed.catch(() => undefined); // told to who waits, if anybody does
  }

  /** Whether it has ended, well or not. */
  get isDone(): boolean {
    return this.#isDone;
  }
}

/** Above every entry. Those that were not removed stay all the same. */
const ANY_INDEX = Number.MAX_SAFE_INTEGER - 1;

export interface CompactionDependencies {
  logDB: ILogDB;
  replicas: ReplicaSet;
}

/** Gives space back on request: of replicas that run here, and of those that have left something. */
export class Compactions {
  readonly #deps: CompactionDependencies;

  constructor(deps: CompactionDependencies) {
    this.#deps = deps;
  }

  /** As `NodeHost.requestCompaction`. */
  async request(clusterID: number, nodeID: number): Promise<SysOpState> {
    checkIDs({ clusterID, nodeID });
    const { logDB, replicas } = this.#deps;
    const member = replicas.list().get(clusterID);
    if (member?.nodeID === nodeID) {
      if (member.phase !== 'running') throw unusable(clusterID, member);
      return new SysOpState(unlessClosed(member.replica.snapshotter.compact()));
    }
    const stored = await unlessClosed(logDB.getBootstrapInfo(clusterID, nodeID));
    if (stored === undefined) throw notFound(clusterID, nodeID);
    return new SysOpState(unlessClosed(logDB.compactEntriesTo(clusterID, nodeID, ANY_INDEX)));
  }
}

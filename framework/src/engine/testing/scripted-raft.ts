import type { Entry, Message } from '@drakkar/raftio';
import type { RaftUpdate } from '../../raft/index.js';

/** A core that gives out updates which the test has prepared, and tells what it is told. */
export class ScriptedRaft {
  readonly updates: Partial<RaftUpdate>[] = [];
  readonly isLeader = false;
  leaderID = 0;
  term = 1;
  readonly isBusy = false;
  isQuiesced = false;
  membersToSeek: number[] = [];
  failOnStep = false;
  constructor(
    readonly clusterID: number,
    private readonly onCall: (line: string) => void,
  ) {}
  applying = (): void => undefined;
  tick = (): void => this.#tell('tick');
  step = (message: Message): void => {
    if (this.failOnStep) throw new Error('broken invariant');
    this.#tell(`step ${message.type}`);
  };
  propose = (entries: Entry[]): void => this.#tell(`propose ${entries.length}`);
  readIndex = (): void => this.#tell('readIndex');
  setLevel = (): void => undefined;
  setUnfit = (): void => undefined;
  setLogStuck = (isStuck: boolean): void => this.#tell(`setLogStuck ${isStuck}`);
  reportArrival = (term: number): void => this.#tell(`arrival ${term}`);
  shedMemory = (): void => this.#tell('shedMemory');
  reportReachable = (nodeID: number): void => this.#tell(`seek ${nodeID}`);
  hasUpdate = (): boolean => this.updates.length > 0;
  getUpdate = (): RaftUpdate => ({
    clusterID: this.clusterID,
    nodeID: 1,
    state: undefined,
    entriesToSave: [],
    snapshot: undefined,
    mustSave: false,
    messages: [],
    messagesAfterSave: [],
    entriesToApply: [],
    readyReads: [],
    droppedReads: [],
    droppedProposals: [],
    proposalsWithoutRoom: [],
    rejectedConfigChanges: [],
    outdatedMembers: [],
    refusedConfigChanges: [],
    logReads: [],
    reports: [],
    leader: undefined,
    ...this.updates.shift(),
  });
  saved = (update: RaftUpdate): void => this.#tell(`saved ${update.entriesToSave.length}`);
  stepLogRead = (_request: unknown, entries: readonly Entry[]): void =>
    this.#tell(`stepLogRead ${entries.length}`);
  applied = (index: number): void => this.#tell(`applied ${index}`);
  #tell(what: string): void {
    this.onCall(`${this.clusterID}: ${what}`);
  }
}

export interface MeasureOptions {
  /** Proposals under way at any time. */
  inflight: number;
  payloadBytes: number;
  warmUpSeconds: number;
  seconds: number;
}

export interface Measurement {
  seconds: number;
  writes: number;
  /** Those of the warm-up and of the end too. */
  allWrites: number;
  /** Proposals that did not complete, and were made again. */
  failures: number;
  p50Ms: number;
  p99Ms: number;
  /** User and system time of the whole process, all its threads, in microseconds. */
  cpuMicros: number;
}

export interface BenchCommands {
  leader: { takes: null; answers: number };
  /** Loads this host, which must be the leader's. */
  measure: { takes: MeasureOptions; answers: Measurement };
  /** User and system time of this process so far, in microseconds. */
  cpu: { takes: null; answers: number };
  shutdown: { takes: null; answers: null };
}

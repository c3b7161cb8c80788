/** What a process has used so far. */
export interface Usage {
  /** User and system time since its start. */
  cpuMicros: number;
  rssBytes: number;
}

/** Commands that the parent gives a process with many groups. */
export interface IdleCommands {
  /** Starts the groups 1 to `groups`. */
  startGroups: { takes: { groups: number }; answers: null };
  /** Writes once to each group of which this process has the leader. */
  writeOnce: { takes: null; answers: number };
  /** How many groups here have a leader, and how many sleep. */
  count: { takes: null; answers: { led: number; asleep: number } };
  /** Collects garbage, so that what earlier work has left is not counted as idleness. */
  collect: { takes: null; answers: null };
  usage: { takes: null; answers: Usage };
  shutdown: { takes: null; answers: null };
}

import type { CrashPlan, FaultTrace, WorkloadEvent } from '../logdb/workload.js';

/** What a child process is asked to do with a LogDB; given as JSON in its first argument. */
export interface ChildTask {
  action: 'crash' | 'fault' | 'open';
  module: string;
  options: Readonly<Record<string, unknown>>;
  dir: string;
  walDir: string;
  plan: CrashPlan | undefined;
}

/** What it says, one JSON value a line. */
export type ChildLine =
  | { event: WorkloadEvent }
  | { fault: FaultTrace }
  | { opened: true }
  | { refused: { code: string; message: string } };

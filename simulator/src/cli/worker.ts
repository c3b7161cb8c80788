import { runSeed } from './run-seed.js';

/** What a worker process is told to do. */
export interface Task {
  seed: number;
  twice: boolean;
  shrinks: boolean;
  only: string | undefined;
}

process.on('message', (task: Task) => {
  void runSeed(task).then((outcome) => process.send?.(outcome));
});
process.on('disconnect', () => process.exit(0));

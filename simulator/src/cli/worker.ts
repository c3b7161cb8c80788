import { type Task, runSeed } from './run-seed.js';

process.on('message', (task: Task) => {
  void runSeed(task).then((outcome) => process.send?.(outcome));
});
process.on('disconnect', () => process.exit(0));

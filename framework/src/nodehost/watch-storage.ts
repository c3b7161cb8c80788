import type { DataDir } from '../datadir/data-dir.js';
import { StorageWatch } from '../datadir/storage-watch.js';
import type { NodeHostServices } from '../di/build-container.js';
import type { Engine } from '../engine/engine.js';
import type { IEventSink } from '../runtime/event-sink.js';
import type { HostEvents } from '../events/host-listener.js';
import { emitStorageProblem } from '../engine/storage-events.js';
import { adviceFor } from '../fs/storage-problem.js';
import type { ILogger } from '../logging/logger.js';
import { ClockWatch } from '../runtime/clock-watch.js';
import type { Operations } from '../runtime/operations.js';

export interface StorageWatchParts {
  operations: Operations;
  events: IEventSink<HostEvents>;
  log: ILogger;
  engine: Pick<Engine, 'logDBFailed'>;
}

/** Has the data directory of a host looked after while it runs, and the clock of the machine with it. */
export async function watchStorage(
  { fileSystem, clock }: NodeHostServices,
  dataDir: DataDir,
  { operations, events, log, engine }: StorageWatchParts,
): Promise<StorageWatch> {
  const noGroups = (): number[] => [];
  const clockWatch = new ClockWatch(clock);
  const lookAtClock = (): void => {
    const byMs = clockWatch.jumpMs();
    if (byMs === undefined) return;
    log.warn(
      'the time of day has jumped: nothing goes by it but certificates and times in logs; look after the time server of this machine',
      { event: 'clockJumped', byMs },
    );
    events.emit('clockJumped', { byMs });
  };
  const watch = new StorageWatch({
    fileSystem,
    layout: dataDir,
    clock,
    watch: (look) => {
      lookAtClock();
      return operations.watch('looking at the data directory', noGroups, look);
    },
    onGone: (error) => engine.logDBFailed(error),
    onProblem: (problem, err) => {
      const advice = adviceFor(problem);
      log.warn(`the data directory can't be used: ${advice}`, { event: 'storageProblem', problem, err });
      emitStorageProblem(events, 'data directory', err);
    },
  });
  await watch.start();
  return watch;
}

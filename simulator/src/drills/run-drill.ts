import type { Coverage } from '../world/coverage.js';
import { Dice } from '../world/dice.js';
import type { Trace } from '../world/trace.js';
import { differentMembersSetting, drillDifferentMembers } from './different-members.js';
import { differentSettingsSetting, drillDifferentSettings } from './different-settings.js';
import { drillForbiddenChanges, forbiddenChangesSetting } from './forbidden-changes.js';
import { drillHandOver, handOverSetting } from './hand-over.js';
import { drillHangingMachines, hangingMachinesSetting } from './hanging-machines.js';
import { drillHostileBatches, hostileBatchesSetting } from './hostile-batches.js';
import { drillLateAnswers, lateAnswersSetting } from './late-answers.js';
import { drillLateConfirmations, lateConfirmationsSetting } from './late-confirmations.js';
import { drillLateDuplicates, lateDuplicatesSetting } from './late-duplicates.js';
import { drillLateOrder, lateOrderSetting } from './late-order.js';
import { drillLateSave, lateSaveSetting } from './late-save.js';
import { drillMisplacedData, misplacedDataSetting } from './misplaced-data.js';
import { drillSameDraws, sameDrawsSetting } from './same-draws.js';
import { drillSpoiltChunks, spoiltChunksSetting } from './spoilt-chunks.js';
import { drillStoredLog, storedLogSetting } from './stored-log.js';
import { drillUnfinishedSnapshot, unfinishedSnapshotSetting } from './unfinished-snapshot.js';
import { drillWipedDisk, wipedDiskSetting } from './wiped-disk.js';
import { DrillStuckError, type Setting, Theatre } from './theatre.js';

interface Drill {
  setting: Setting;
  run: (theatre: Theatre) => Promise<void>;
  /** The drill starts the hosts itself. */
  starts?: boolean;
}

/** Each seed has one of them, in turn. */
const DRILLS: readonly Drill[] = [
  { setting: lateSaveSetting, run: drillLateSave },
  { setting: forbiddenChangesSetting, run: drillForbiddenChanges },
  { setting: spoiltChunksSetting, run: drillSpoiltChunks },
  { setting: misplacedDataSetting, run: drillMisplacedData },
  { setting: hostileBatchesSetting, run: drillHostileBatches },
  { setting: sameDrawsSetting, run: drillSameDraws },
  { setting: storedLogSetting, run: drillStoredLog },
  { setting: lateAnswersSetting, run: drillLateAnswers },
  { setting: handOverSetting, run: drillHandOver },
  { setting: hangingMachinesSetting, run: drillHangingMachines },
  { setting: unfinishedSnapshotSetting, run: drillUnfinishedSnapshot },
  { setting: lateDuplicatesSetting, run: drillLateDuplicates },
  { setting: lateConfirmationsSetting, run: drillLateConfirmations },
  { setting: differentMembersSetting, run: drillDifferentMembers, starts: true },
  { setting: differentSettingsSetting, run: drillDifferentSettings, starts: true },
  { setting: wipedDiskSetting, run: drillWipedDisk },
  { setting: lateOrderSetting, run: drillLateOrder },
];

const MAX_STEPS = 500_000;

export interface DrillResult {
  /** What did not hold. */
  violation: { invariant: string; message: string } | undefined;
  simulatedMs: number;
  steps: number;
}

/**
 * A short scene, in a world of its own, that brings about in a second or two what a random life hardly ever does: a
 * save that waits while two leaders follow on each other, chunks out of their turn, records that have changed places.
 */
export async function runDrill(
  seed: number,
  around: { trace: Trace; coverage: Coverage; only: string | undefined },
): Promise<DrillResult> {
  const { setting, run, starts } = DRILLS[seed % DRILLS.length] as Drill;
  const theatre = new Theatre(seed, new Dice(seed).fork('drill'), setting, around);
  const { scheduler } = theatre.world;
  let isDone = false;
  const play = async (): Promise<void> => {
    if (starts !== true) theatre.cluster.start();
    await run(theatre);
  };
  play().then(
    () => (isDone = true),
    (error: unknown) => {
      const isStuck = error instanceof DrillStuckError;
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      theatre.fail('liveness', isStuck ? `in a drill ${error.message} did not come about` : text);
      isDone = true;
    },
  );
  const isOver = (): boolean =>
    isDone || theatre.oracle.violation !== undefined || scheduler.steps > MAX_STEPS;
  await scheduler.run(isOver);
  if (scheduler.steps > MAX_STEPS) theatre.fail('progress', `a drill has no end after ${MAX_STEPS} steps`);
  const { violation } = theatre.oracle;
  return {
    violation: violation && { invariant: violation.invariant, message: violation.message },
    simulatedMs: scheduler.nowMs,
    steps: scheduler.steps,
  };
}

import { describe, expect, it } from '@jest/globals';
import { preloadHost, useSnappyInTurn } from '@drakkar/framework';
import { Coverage } from '../world/coverage.js';
import { Dice } from '../world/dice.js';
import { Trace } from '../world/trace.js';
import { drillLateAnswers, lateAnswersSetting } from './late-answers.js';
import { Theatre } from './theatre.js';

/** In these the leader crashes while the entry that raises the level is on its way. */
const SEEDS = [9056, 9106, 9112];

describe('the drill of late answers', () => {
  it.each(SEEDS)('ends, whichever entry the leader leaves behind: seed %i', async (seed) => {
    await preloadHost();
    await useSnappyInTurn().catch(() => undefined);
    const around = { trace: new Trace(), coverage: new Coverage(), only: undefined };
    const theatre = new Theatre(seed, new Dice(seed).fork('drill'), lateAnswersSetting, around);
    theatre.cluster.start();
    let outcome: unknown;
    drillLateAnswers(theatre).then(
      () => (outcome = 'ended'),
      (error: unknown) => (outcome = error),
    );
    await theatre.world.scheduler.run(() => outcome !== undefined || theatre.oracle.violation !== undefined);
    expect(theatre.oracle.violation).toBeUndefined();
    expect(outcome).toBe('ended');
  });
});

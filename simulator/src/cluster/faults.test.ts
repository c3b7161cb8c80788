import { describe, expect, it } from '@jest/globals';
import { preloadHost, useSnappyInTurn } from '@drakkar/framework';
import { Theatre } from '../drills/theatre.js';
import { Coverage } from '../world/coverage.js';
import { Dice } from '../world/dice.js';
import { Trace } from '../world/trace.js';
import { FaultInjector } from './faults.js';
import { Requests } from './requests.js';

const SEED = 206;

describe('the fault injector', () => {
  it('ends what was to end a process in a later call, with all other faults', async () => {
    await preloadHost();
    await useSnappyInTurn().catch(() => undefined);
    const around = { trace: new Trace(), coverage: new Coverage(), only: undefined };
    const theatre = new Theatre(SEED, new Dice(SEED), { hostCount: 3, groups: [{}] }, around);
    const { world, cluster } = theatre;
    const faults = new FaultInjector(world, cluster, new Requests(world));
    cluster.start();
    let outcome: unknown;
    const play = async (): Promise<string> => {
      const leader = await theatre.leader();
      leader.life?.endAfterCalls(1, true);
      faults.end();
      await theatre.writes(leader, 3);
      return 'written';
    };
    play().then(
      (text) => (outcome = text),
      (error: unknown) => (outcome = error),
    );
    await world.scheduler.run(() => outcome !== undefined || theatre.oracle.violation !== undefined);
    expect(theatre.oracle.violation).toBeUndefined();
    expect(outcome).toBe('written');
  });
});

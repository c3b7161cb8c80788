import { describe, expect, it } from '@jest/globals';
import type { LostLog } from '@drakkar/raftio';
import { LossWatch, type LossWatchHost } from './loss-watch.js';

const LOST: LostLog = { index: 9, term: 4, leaderID: 2 };

class Host implements LossWatchHost {
  nowTick = 0;
  lost: LostLog | undefined;
  readonly lastIndex = 3;
  mayLead(nodeID: number): boolean {
    return nodeID === LOST.leaderID;
  }
  readonly story: string[] = [];
  /** Ends the record under way. */
  end: ((error?: Error) => void) | undefined;
  record(lost: LostLog | undefined): Promise<void> {
    this.story.push(`record ${lost?.index ?? 'nothing'}`);
    return new Promise((resolve, reject) => {
      this.end = (error) => (error === undefined ? resolve() : reject(error));
    });
  }
  refused({ code, message }: { code: string; message: string }): void {
    expect(message).toContain('its log ends at 3 and its leader counts on 9');
    this.story.push(`refused ${code}`);
  }
  regained(): void {
    this.story.push('regained');
  }
  recordFailed(error: unknown): void {
    this.story.push(`failed ${String(error)}`);
  }
}

function setUp(recorded?: LostLog): { host: Host; watch: LossWatch; tick: () => Promise<void> } {
  const host = new Host();
  const watch = new LossWatch({ clusterID: 1, nodeID: 3, recorded, pauseTicks: 10 }, host);
  const tick = async (): Promise<void> => {
    host.nowTick += 1;
    watch.tick();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { host, watch, tick };
}

describe('LossWatch', () => {
  it('refuses calls at once, and reports it when it is recorded', async () => {
    const { host, watch, tick } = setUp();
    await tick();
    expect(watch.refusal).toBeUndefined();
    host.lost = { ...LOST };
    await tick();
    await tick();
    expect(watch.refusal?.code).toBe('ERR_ENTRIES_LOST');
    expect(host.story).toEqual(['record 9']);
    host.end?.();
    await tick();
    await tick();
    expect(host.story).toEqual(['record 9', 'refused ERR_ENTRIES_LOST']);
  });

  it('reports what an earlier run has recorded, without another record', async () => {
    const { host, watch, tick } = setUp(LOST);
    host.lost = { ...LOST };
    await tick();
    expect(watch.refusal?.code).toBe('ERR_ENTRIES_LOST');
    expect(host.story).toEqual(['refused ERR_ENTRIES_LOST']);
  });

  it('refuses calls for what one says that can not lead, and does not record it', async () => {
    const { host, watch, tick } = setUp();
    host.lost = { ...LOST, leaderID: 7 };
    await tick();
    expect(watch.refusal?.code).toBe('ERR_ENTRIES_LOST');
    expect(host.story).toEqual(['refused ERR_ENTRIES_LOST']);
  });

  it('records that the entries are there again, at the start too', async () => {
    const { host, watch, tick } = setUp(LOST);
    await tick();
    host.end?.();
    await tick();
    expect(host.story).toEqual(['record nothing']);
    host.lost = { ...LOST };
    await tick();
    host.end?.();
    await tick();
    host.lost = undefined;
    await tick();
    expect(watch.refusal).toBeUndefined();
    host.end?.();
    await tick();
    expect(host.story.slice(1)).toEqual([
      'record 9',
      'refused ERR_ENTRIES_LOST',
      'record nothing',
      'regained',
    ]);
  });

  it('records more that is lost at most once in a pause', async () => {
    const { host, tick } = setUp(LOST);
    host.lost = { ...LOST };
    for (let i = 0; i < 25; i++) {
      host.lost.index += 1;
      await tick();
      host.end?.();
    }
    expect(host.story.filter((line) => line.startsWith('record'))).toHaveLength(3);
  });

  it('fails the replica when it can not be recorded, and tries no more', async () => {
    const { host, tick } = setUp();
    host.lost = { ...LOST };
    await tick();
    host.end?.(new Error('disk'));
    await tick();
    await tick();
    expect(host.story).toEqual(['record 9', 'failed Error: disk']);
  });
});

import { afterEach, describe, expect, it } from '@jest/globals';
import type { NodeHost, RequestState } from '@drakkar/framework';
import type { Uint64 } from '@drakkar/raftio';
import { MEMORY_ADDRESS, openMemoryHost } from './memory-host.js';
import { Journal, Workshop, clusterConfig, eventually, retrying } from './support.js';

const workshop = new Workshop();
let host: NodeHost | undefined;

afterEach(async () => {
  await host?.stop();
  host = undefined;
  await workshop.clear();
});

const MIB = 1024 * 1024;
const MAX_BYTES = 8 * MIB;
const COMMAND_BYTES = 64 * 1024;

/** A state machine that stands still after the first line, until the test lets it go on. */
class Stuck extends Journal {
  constructor(readonly gate: Promise<void>) {
    super();
  }

  override async update(cmd: Uint8Array): Promise<Uint64> {
    if (this.lines.length > 0) await this.gate;
    return await super.update(cmd.subarray(0, 8));
  }
}

/** Proposes until there is no room; what was taken. */
function fill(target: NodeHost, clusterID: number): { taken: RequestState[]; error: unknown } {
  const taken: RequestState[] = [];
  const session = target.getNoOPSession(clusterID);
  try {
    for (;;) taken.push(target.propose(session, Buffer.alloc(COMMAND_BYTES, 'x'), { timeoutMs: 60_000 }));
  } catch (error) {
    return { taken, error };
  }
}

describe('a host whose groups do not get on with what they are given', () => {
  it('bounds what they hold together, refuses more, and leaves room for each', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const settings = { maxHostMemoryBytes: MAX_BYTES };
    const opened = await openMemoryHost(workshop, undefined, { settings });
    const { host: ours } = opened;
    host = ours;
    const groups = [1, 2, 3, 4];
    for (const clusterID of groups) {
      const machine = clusterID < 4 ? new Stuck(gate) : new Journal();
      const config = clusterConfig(1, { clusterID });
      await ours.startCluster(new Map([[1, MEMORY_ADDRESS]]), false, () => machine, config);
      await retrying(() => ours.syncPropose(ours.getNoOPSession(clusterID), Buffer.from('first')));
    }
    const taken: RequestState[] = [];
    // Each again and again: what was queued has moved into logs meanwhile.
    for (let round = 0; round < 5; round++) {
      for (const clusterID of [1, 2, 3]) {
        const filled = fill(ours, clusterID);
        taken.push(...filled.taken);
        expect(filled.error).toMatchObject({ code: 'ERR_SYSTEM_BUSY', effect: 'none', retry: 'here' });
        expect(String(filled.error)).toMatch(/maxHostMemoryBytes/);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(taken.length * COMMAND_BYTES).toBeGreaterThan(MAX_BYTES / 2);
    expect(taken.length * COMMAND_BYTES).toBeLessThanOrEqual(MAX_BYTES + 3 * COMMAND_BYTES);
    // The healthy one goes on, with large commands too, one at a time.
    for (let i = 0; i < 5; i++)
      await ours.syncPropose(ours.getNoOPSession(4), Buffer.alloc(MIB, 'y'), { timeoutMs: 60_000 });
    release();
    for (const { result } of taken) expect((await result).completed()).toBe(true);
    const again = await eventually('room', () => fill(ours, 1).taken[0]);
    expect((await again.result).completed()).toBe(true);
  });
});

import { describe, expect, it } from '@jest/globals';
import type { BindingAdapterModule } from '@drakkar/raftio';
import { ContainerModule } from 'inversify';
import { loadAdapter } from '../di/load-adapter.js';
import { costsOfMissing } from './missing-capabilities.js';

const common = {
  name: 'old',
  optionsSchema: { type: 'object' },
  createModule: () => new ContainerModule(() => undefined),
};
/** As version 0.1 knew capabilities. */
const OLD_LOGDB: BindingAdapterModule = {
  ...common,
  kind: 'logdb',
  capabilities: { shrinksOnCompaction: false, exclusiveOpen: true, durable: true },
};
const OLD_TRANSPORT: BindingAdapterModule = {
  ...common,
  kind: 'transport',
  capabilities: { mutualTLS: true, snapshots: false, network: true },
};

describe('adapters of version 0.1', () => {
  it('load unchanged', async () => {
    expect(await loadAdapter('logdb', OLD_LOGDB, '.')).toBe(OLD_LOGDB);
    expect(await loadAdapter('transport', OLD_TRANSPORT, '.')).toBe(OLD_TRANSPORT);
  });

  it('are reported with what they lack and what that costs', () => {
    expect(costsOfMissing(OLD_LOGDB)).toEqual([
      { name: 'detectsDamage', cost: expect.stringContaining('changed on disk') },
      { name: 'shrinksOnCompaction', cost: expect.stringContaining('space') },
    ]);
    expect(costsOfMissing(OLD_TRANSPORT).map(({ name }) => name)).toEqual(['snapshots']);
  });

  it('are not reported for space alone', () => {
    const capabilities = {
      shrinksOnCompaction: false,
      exclusiveOpen: true,
      durable: true,
      detectsDamage: true,
    };
    expect(costsOfMissing({ ...common, kind: 'logdb', capabilities })).toEqual([]);
  });
});

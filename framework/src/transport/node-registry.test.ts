import { describe, expect, it } from '@jest/globals';
import { normalAddress } from '@drakkar/raftio';
import { NodeRegistry } from './node-registry.js';

const HOST = normalAddress('a:1');

describe('NodeRegistry', () => {
  it('lists a host as long as a member lives there, in any group', () => {
    const registry = new NodeRegistry();
    registry.set(1, 1, 'a:1');
    registry.set(2, 7, 'A:1');
    registry.retire(1, 1);
    expect(registry.isListed(HOST)).toBe(true);
    registry.removeCluster(2);
    expect(registry.isListed(HOST)).toBe(false);
  });

  it('goes on knowing where a removed node lived, of a bounded number of them', () => {
    const registry = new NodeRegistry();
    for (let nodeID = 1; nodeID <= 1_000; nodeID++) {
      registry.set(1, nodeID, `a:${nodeID}`);
      registry.retire(1, nodeID);
      expect(registry.resolve(1, nodeID)).toBe(`a:${nodeID}`);
    }
    expect(registry.resolve(1, 1)).toBeUndefined();
    registry.retire(1, 1_001); // never was one
    registry.retire(9, 1);
    expect(registry.resolve(1, 1_001)).toBeUndefined();
  });
});

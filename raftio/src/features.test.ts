import { describe, expect, it } from '@jest/globals';
import { Feature, OWN_FEATURES, hasFeature, knownFeatures, knowsMessage } from './features.js';
import { MessageType } from './raftpb/types.js';

describe('features', () => {
  it('gives each ability a bit of its own', () => {
    const bits = Object.values(Feature);
    expect(new Set(bits).size).toBe(bits.length);
    for (const bit of bits) expect(Math.log2(bit) % 1).toBe(0);
  });

  it('announces abilities only, and at least that it announces them', () => {
    expect(hasFeature(OWN_FEATURES, Feature.Announces)).toBe(true);
    expect(hasFeature(OWN_FEATURES, Feature.Asks)).toBe(false);
  });

  it('keeps every message type that version 0.1 does not know from hosts that announce nothing', () => {
    for (const [name, type] of Object.entries(MessageType)) {
      const isOld = type <= 24 || type === 64 || type === 65;
      expect({ name, nothing: knowsMessage(0, type) }).toEqual({ name, nothing: isOld });
      expect({ name, ours: knowsMessage(OWN_FEATURES, type) }).toEqual({ name, ours: true });
    }
    expect(knowsMessage(OWN_FEATURES, 0x7fff as MessageType)).toBe(false);
  });

  it('ignores bits of later releases', () => {
    expect(knownFeatures(0xffff_ffff_ffff_fff3n)).toBe(0x7fff_fff3);
    expect(knownFeatures(2 ** 40 + 5)).toBe(5);
  });
});

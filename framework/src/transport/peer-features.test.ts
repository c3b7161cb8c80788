import { describe, expect, it } from '@jest/globals';
import { normalAddress } from '@drakkar/raftio';
import { PeerFeatures } from './peer-features.js';

const B = normalAddress('b:1');

describe('PeerFeatures', () => {
  it('goes by what a host said last, and distinguishes nothing said from nothing known', () => {
    const features = new PeerFeatures();
    expect(features.of(B)).toBeUndefined();
    features.heard(B, 3);
    expect(features.of(B)).toBe(3);
    features.heard(B, 0);
    expect(features.of(B)).toBe(0);
    features.forget(B);
    expect(features.of(B)).toBeUndefined();
  });

  it('remembers a bounded number of hosts', () => {
    const features = new PeerFeatures();
    const hosts = Array.from({ length: 10_000 }, (_, i) => normalAddress(`b:${i + 1}`));
    for (const host of hosts) features.heard(host, 1);
    const known = hosts.map((host) => features.of(host));
    expect(known.filter((each) => each !== undefined)).toHaveLength(4_096);
    expect(known.at(-1)).toBe(1);
  });
});

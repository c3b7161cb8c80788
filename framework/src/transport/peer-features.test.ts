import { describe, expect, it } from '@jest/globals';
import { PeerFeatures } from './peer-features.js';

describe('PeerFeatures', () => {
  it('goes by what a host said last, and tells nothing said from nothing known', () => {
    const features = new PeerFeatures();
    expect(features.of('b:1')).toBeUndefined();
    features.heard('b:1', 3);
    expect(features.of('b:1')).toBe(3);
    features.heard('b:1', 0);
    expect(features.of('b:1')).toBe(0);
    features.forget('b:1');
    expect(features.of('b:1')).toBeUndefined();
  });

  it('remembers a bounded number of hosts', () => {
    const features = new PeerFeatures();
    for (let port = 1; port <= 10_000; port++) features.heard(`b:${port}`, 1);
    const known = Array.from({ length: 10_000 }, (_, i) => features.of(`b:${i + 1}`));
    expect(known.filter((each) => each !== undefined)).toHaveLength(4_096);
    expect(features.of('b:10000')).toBe(1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '../runtime/random.js';
import { RequestRing } from './request-ring.js';
import { RequestState } from './request-state.js';

const NONCE = 7 * 0x1_0000_0000;

function put(ring: RequestRing): RequestState {
  const request = new RequestState(1, NONCE + ring.nextNumber(), { operation: 'proposal', deadlineMs: 1 });
  ring.put(request);
  return request;
}

describe('RequestRing', () => {
  it('finds what a map finds, whatever comes and goes', () => {
    const random = new SeededRandom(5);
    const ring = new RequestRing();
    const map = new Map<number, RequestState>();
    for (let step = 0; step < 30_000; step++) {
      // Waves of up to some hundreds; some stay through many of them.
      const isRising = step % 2_000 < 1_000;
      if (random.nextInt(100) < (isRising ? 60 : 40)) {
        const request = put(ring);
        expect(map.has(request.key)).toBe(false);
        map.set(request.key, request);
      } else if (map.size > 0) {
        const keys = [...map.keys()];
        const key = keys[random.nextInt(4) === 0 ? 0 : random.nextInt(keys.length)] as number;
        const request = map.get(key) as RequestState;
        expect(ring.get(key)).toBe(request);
        ring.delete(request);
        map.delete(key);
        expect(ring.get(key)).toBeUndefined();
      }
      expect(ring.size).toBe(map.size);
    }
    expect(new Set(ring.all())).toEqual(new Set(map.values()));
  });

  it('passes over one that stays, and gives each other a number of its own', () => {
    const ring = new RequestRing();
    const first = put(ring);
    const seen = new Set([first.key]);
    for (let i = 0; i < 1_000; i++) {
      const request = put(ring);
      seen.add(request.key);
      ring.delete(request);
    }
    expect([seen.size, ring.get(first.key) === first]).toEqual([1_001, true]);
    expect(ring.get(first.key + 64)).toBeUndefined();
  });

  it('reports all, the oldest first', () => {
    const ring = new RequestRing();
    const requests = Array.from({ length: 300 }, () => put(ring));
    expect(ring.all()).toEqual(requests);
    ring.delete(requests[0] as RequestState);
    ring.trim();
    expect([ring.size, ring.all()]).toEqual([299, requests.slice(1)]);
    for (const request of requests.slice(1)) ring.delete(request);
    ring.trim();
    expect([ring.size, ring.all()]).toEqual([0, []]);
    expect(ring.get(put(ring).key)).toBeDefined();
  });

  it.each([
    ['their sign', 0x7fff_ffff | 0],
    ['their end', -2],
  ])('numbers requests from 0 to 2^32 - 1, also when the 32 bits come to %s', (_what, counter) => {
    const ring = new RequestRing(counter);
    const requests = Array.from({ length: 100 }, () => put(ring));
    const first = NONCE + (counter >>> 0) + 1;
    const end = NONCE + 0x1_0000_0000;
    const numbers = requests.map((_, i) => (first + i < end ? first + i : first + i - 0x1_0000_0000));
    expect(requests.map(({ key }) => key)).toEqual(numbers);
    expect(requests.every((request) => ring.get(request.key) === request)).toBe(true);
    expect(ring.all()).toEqual(requests);
  });
});

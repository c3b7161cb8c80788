import { describe, expect, it } from '@jest/globals';
import { type Place, Places } from './places.js';
import { ManualClock } from './testing/manual-clock.js';

const never = new AbortController().signal;

/** Takes places under names, and notes the order in which they were got. */
class Takers {
  readonly clock = new ManualClock();
  readonly places: Places;
  readonly got: string[] = [];
  readonly held = new Map<string, Place>();

  constructor(count: number) {
    this.places = new Places({ count, patienceMs: 1000, clock: this.clock });
  }

  async take(name: string, key = '', signal: AbortSignal = never): Promise<void> {
    void this.places.take(signal, key).then(
      (place) => {
        this.got.push(name);
        this.held.set(name, place);
      },
      (error: unknown) => this.got.push(`${name} rejected: ${String(error)}`),
    );
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }

  async advance(byMs: number): Promise<void> {
    this.clock.advance(byMs);
    await this.settle();
  }

  async giveBack(name: string): Promise<void> {
    this.held.get(name)?.giveBack();
    await this.settle();
  }
}

describe('places', () => {
  it('are given out in the order asked for, and once each', async () => {
    const takers = new Takers(2);
    for (const name of ['a', 'b', 'c', 'd']) await takers.take(name);
    expect(takers.got).toEqual(['a', 'b']);
    await takers.giveBack('a');
    await takers.giveBack('a');
    expect(takers.got).toEqual(['a', 'b', 'c']);
    await takers.giveBack('b');
    expect(takers.got).toEqual(['a', 'b', 'c', 'd']);
    expect(takers.clock.timerCount).toBe(0);
  });

  it('release a waiting caller as soon as the signal aborts', async () => {
    const takers = new Takers(1);
    const abort = new AbortController();
    await takers.take('a');
    await takers.take('b', '', abort.signal);
    await takers.take('c');
    abort.abort('stopped');
    await takers.settle();
    expect(takers.got).toEqual(['a', 'b rejected: stopped']);
    await takers.take('d', '', abort.signal);
    await takers.giveBack('a');
    expect(takers.got.slice(2)).toEqual(['d rejected: stopped', 'c']);
    await takers.giveBack('c');
    expect(takers.clock.timerCount).toBe(0);
  });

  it('do not count what has not moved for long, while others wait', async () => {
    const takers = new Takers(1);
    await takers.take('hangs');
    await takers.take('next');
    await takers.advance(600);
    takers.held.get('hangs')?.moved();
    await takers.advance(600);
    expect(takers.got).toEqual(['hangs']);
    await takers.advance(400);
    expect(takers.got).toEqual(['hangs', 'next']);
    await takers.giveBack('next');
    await takers.take('third');
    expect(takers.got).toEqual(['hangs', 'next', 'third']);
  });

  it('bound what does not count, too', async () => {
    const takers = new Takers(1);
    for (const name of ['a', 'b', 'c', 'd', 'e']) await takers.take(name);
    for (let i = 0; i < 10; i++) await takers.advance(1000);
    expect(takers.got).toEqual(['a', 'b', 'c', 'd']);
    expect(takers.clock.timerCount).toBe(0);
    await takers.giveBack('b');
    expect(takers.got).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('go first to a key that has the fewest', async () => {
    const takers = new Takers(2);
    for (const name of ['x1', 'x2', 'x3', 'x4']) await takers.take(name, 'x');
    await takers.take('y1', 'y');
    await takers.giveBack('x1');
    expect(takers.got).toEqual(['x1', 'x2', 'y1']);
    await takers.giveBack('x2');
    expect(takers.got).toEqual(['x1', 'x2', 'y1', 'x3']);
  });
});

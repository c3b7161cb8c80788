import { describe, expect, it } from '@jest/globals';
import { AccessGate } from './access-gate.js';

/** Lets what has been granted run. */
async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

class Crowd {
  readonly gate = new AccessGate();
  readonly inside: string[] = [];

  enter(name: string, kind: 'shared' | 'exclusive'): void {
    const waiting = kind === 'shared' ? this.gate.enterShared() : this.gate.enterExclusive();
    if (waiting === undefined) this.inside.push(name);
    else void waiting.then(() => this.inside.push(name));
  }

  async leave(name: string): Promise<void> {
    this.inside.splice(this.inside.indexOf(name), 1);
    this.gate.leave();
    await settle();
  }
}

describe('AccessGate', () => {
  it('lets any number share, and one alone', async () => {
    const crowd = new Crowd();
    crowd.enter('a', 'shared');
    crowd.enter('b', 'shared');
    expect(crowd.inside).toEqual(['a', 'b']);
    crowd.enter('W', 'exclusive');
    expect(crowd.gate.contended).toBe(true);
    await crowd.leave('a');
    expect(crowd.inside).toEqual(['b']);
    await crowd.leave('b');
    expect(crowd.inside).toEqual(['W']);
    expect(crowd.gate.contended).toBe(false);
  });

  it('keeps everybody out while one is alone', async () => {
    const crowd = new Crowd();
    crowd.enter('W', 'exclusive');
    crowd.enter('a', 'shared');
    crowd.enter('X', 'exclusive');
    await settle();
    expect(crowd.inside).toEqual(['W']);
    await crowd.leave('W');
    expect(crowd.inside).toEqual(['a']);
    await crowd.leave('a');
    expect(crowd.inside).toEqual(['X']);
  });

  it('serves in order, so that readers do not starve a writer', async () => {
    const crowd = new Crowd();
    crowd.enter('a', 'shared');
    crowd.enter('W', 'exclusive');
    crowd.enter('b', 'shared');
    crowd.enter('c', 'shared');
    await settle();
    expect(crowd.inside).toEqual(['a']);
    await crowd.leave('a');
    expect(crowd.inside).toEqual(['W']);
    await crowd.leave('W');
    expect(crowd.inside).toEqual(['b', 'c']);
  });

  it('gives the place away at once, not when the promise is heard', () => {
    const crowd = new Crowd();
    crowd.enter('W', 'exclusive');
    crowd.enter('X', 'exclusive');
    crowd.gate.leave();
    expect(crowd.gate.enterShared()).toBeInstanceOf(Promise);
  });
});

import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../logging/logger.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { EventHub, LISTENER_TURN_MS, MAX_WAITING_EVENTS } from './event-hub.js';
import type { HostListener } from './host-listener.js';

/** A clock that a listener can use up. */
class SlowClock extends ManualClock {
  #usedMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.#usedMs;
  }

  advanceBy(ms: number): void {
    this.#usedMs += ms;
  }
}

const ONE = { clusterID: 1, nodeID: 1 };
const TWO = { clusterID: 2, nodeID: 1 };

function setUp(listener: HostListener): { hub: EventHub; clock: SlowClock; logged: unknown[] } {
  const clock = new SlowClock();
  const logged: unknown[] = [];
  const record = (_message: string, fields?: unknown): void => void logged.push(fields);
  const log = { ...silentLogger, error: record, warn: record };
  return { hub: new EventHub(listener, clock, log), clock, logged };
}

describe('EventHub', () => {
  it('notifies in a turn of its own, in order', () => {
    const told: string[] = [];
    const { hub, clock } = setUp({
      nodeReady: ({ clusterID }) => void told.push(`ready ${clusterID}`),
      nodeHostShuttingDown: () => void told.push('down'),
    });
    hub.emit('nodeReady', ONE);
    hub.emit('nodeReady', TWO);
    hub.emit('nodeHostShuttingDown', {});
    expect(told).toEqual([]);
    clock.runDeferred();
    expect(told).toEqual(['ready 1', 'ready 2', 'down']);
  });

  it('emits what a listener causes afterwards, and nothing twice', () => {
    const told: number[] = [];
    const { hub, clock } = setUp({
      nodeReady: ({ clusterID }) => {
        told.push(clusterID);
        if (clusterID === 1) hub.emit('nodeReady', TWO);
      },
    });
    hub.emit('nodeReady', ONE);
    hub.flush();
    expect(told).toEqual([1]);
    clock.runDeferred();
    clock.runDeferred();
    expect(told).toEqual([1, 2]);
  });

  it('gives the host its turn between two events when one was slow, and keeps their order', () => {
    const told: number[] = [];
    const between: number[][] = [];
    const { hub, clock } = setUp({
      nodeReady: ({ clusterID }) => {
        told.push(clusterID);
        clock.defer(() => void between.push([...told]));
        if (clusterID < 3) clock.advanceBy(LISTENER_TURN_MS);
        if (clusterID === 1) hub.emit('nodeReady', { clusterID: 5, nodeID: 1 });
      },
    });
    for (const clusterID of [1, 2, 3, 4]) hub.emit('nodeReady', { clusterID, nodeID: 1 });
    clock.runDeferred();
    expect(told).toEqual([1, 2, 3, 4, 5]);
    expect(between.slice(0, 2)).toEqual([[1], [1, 2]]);
  });

  it('emits all that waits when it is flushed, however slow', () => {
    const told: number[] = [];
    const { hub, clock } = setUp({
      nodeReady: ({ clusterID }) => {
        told.push(clusterID);
        clock.advanceBy(LISTENER_TURN_MS);
      },
    });
    hub.emit('nodeReady', ONE);
    hub.emit('nodeReady', TWO);
    hub.flush();
    expect(told).toEqual([1, 2]);
    clock.runDeferred();
    expect(told).toEqual([1, 2]);
  });

  it('logs what a listener throws or rejects with, and notifies the others', async () => {
    const told: number[] = [];
    const { hub, logged } = setUp({
      nodeReady: ({ clusterID }) => {
        told.push(clusterID);
        if (clusterID === 1) throw new Error('thrown');
        return Promise.reject(new Error('rejected'));
      },
    });
    hub.emit('nodeReady', ONE);
    hub.emit('nodeReady', TWO);
    hub.flush();
    await Promise.resolve();
    await Promise.resolve();
    expect(told).toEqual([1, 2]);
    expect(logged).toEqual([
      { event: 'nodeReady', err: new Error('thrown') },
      { event: 'nodeReady', err: new Error('rejected') },
    ]);
  });

  it.each([
    ['a number', 1],
    ['true', true],
    ['an object', { then: 'not a function' }],
    ['a function', () => undefined],
  ])('takes a listener that returns %s for one that has succeeded', (_name, returned) => {
    const { hub, logged } = setUp({ nodeReady: () => returned as unknown as undefined });
    hub.emit('nodeReady', ONE);
    hub.flush();
    expect(logged).toEqual([]);
  });

  it('drops events beyond its bound, reports that at once, and how many when the queue is empty', () => {
    let count = 0;
    const { hub, clock, logged } = setUp({ nodeReady: () => void count++ });
    for (let i = 0; i < MAX_WAITING_EVENTS + 3; i += 1) hub.emit('nodeReady', ONE);
    expect(logged).toEqual([{ count: 1 }]);
    clock.runDeferred();
    expect(count).toBe(MAX_WAITING_EVENTS);
    expect(logged).toEqual([{ count: 1 }, { count: 2 }]);
    hub.emit('nodeReady', TWO);
    hub.flush();
    expect(logged).toHaveLength(2);
  });

  it('goes on reporting drops while a listener never keeps up', () => {
    const { hub, clock, logged } = setUp({ nodeReady: () => undefined });
    let nowMs = 0;
    clock.nowMs = () => nowMs; // and it has no turn meanwhile
    for (let minute = 0; minute < 3; minute++) {
      for (let i = 0; i < MAX_WAITING_EVENTS + 10; i += 1) hub.emit('nodeReady', ONE);
      nowMs += 60_000;
    }
    expect(logged).toEqual([{ count: 1 }, { count: 10 }, { count: MAX_WAITING_EVENTS + 10 }]);
  });

  it('does nothing for what nobody listens to', () => {
    const { hub, clock } = setUp({});
    let deferred = 0;
    clock.defer = () => void deferred++;
    hub.emit('nodeReady', ONE);
    expect(deferred).toBe(0);
  });
});

import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../logging/logger.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { EventHub } from './event-hub.js';
import type { HostListener } from './host-listener.js';

const ONE = { clusterID: 1, nodeID: 1 };
const TWO = { clusterID: 2, nodeID: 1 };

function setUp(listener: HostListener): { hub: EventHub; clock: ManualClock; logged: unknown[] } {
  const clock = new ManualClock();
  const logged: unknown[] = [];
  const log = { ...silentLogger, error: (_message: string, fields?: unknown) => void logged.push(fields) };
  return { hub: new EventHub(listener, clock, log), clock, logged };
}

describe('EventHub', () => {
  it('tells in a turn of its own, in order', () => {
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

  it('tells what a listener causes afterwards, and nothing twice', () => {
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

  it('logs what a listener throws or rejects with, and tells the others', async () => {
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

  it('does nothing for what nobody listens to', () => {
    const { hub, clock } = setUp({});
    let deferred = 0;
    clock.defer = () => void deferred++;
    hub.emit('nodeReady', ONE);
    expect(deferred).toBe(0);
  });
});

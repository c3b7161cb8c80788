import { describe, expect, it } from '@jest/globals';
import { silentLogger } from '../logging/logger.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { Emitter } from './emitter.js';
import { EventHub } from './event-hub.js';
import type { HostEvents, HostListener } from './host-listener.js';

function setUp(listener: HostListener = {}): {
  emitter: Emitter<HostEvents>;
  emit: (clusterID: number) => void;
} {
  const hub = new EventHub(listener, new ManualClock(), silentLogger);
  const emit = (clusterID: number): void => {
    hub.emit('nodeReady', { clusterID, nodeID: 1 });
    hub.flush();
  };
  return { emitter: new Emitter(hub), emit };
}

describe('Emitter', () => {
  it('calls each registration, after the listener of the configuration', () => {
    const heard: string[] = [];
    const { emitter, emit } = setUp({ nodeReady: () => void heard.push('first') });
    const twice = (): void => void heard.push('twice');
    emitter.on('nodeReady', twice).on('nodeReady', twice);
    emit(1);
    expect(heard.splice(0)).toEqual(['first', 'twice', 'twice']);
    emitter.off('nodeReady', twice);
    emit(1);
    expect(heard.splice(0)).toEqual(['first', 'twice']);
    emitter.off('nodeReady', twice).off('nodeReady', twice);
    emit(1);
    expect(heard).toEqual(['first']);
  });

  it('calls a listener of once for one event, and can remove it before', () => {
    const heard: number[] = [];
    const { emitter, emit } = setUp();
    const listener = ({ clusterID }: { clusterID: number }): void => void heard.push(clusterID);
    emitter.once('nodeReady', listener).on('nodeReady', listener);
    emit(1);
    emit(2);
    expect(heard.splice(0)).toEqual([1, 1, 2]);
    emitter.off('nodeReady', listener).once('nodeReady', listener).off('nodeReady', listener);
    emit(3);
    expect(heard).toEqual([]);
  });

  it('removes a listener while an event is emitted', () => {
    const heard: string[] = [];
    const { emitter, emit } = setUp();
    const last = (): void => void heard.push('last');
    emitter.on('nodeReady', () => emitter.off('nodeReady', last));
    emitter.on('nodeReady', last);
    emit(1);
    emit(2);
    expect(heard).toEqual(['last']);
  });

  it('waits for the next event, or until the signal aborts', async () => {
    const { emitter, emit } = setUp();
    const next = emitter.next('nodeReady');
    emit(5);
    expect((await next).clusterID).toBe(5);
    const controller = new AbortController();
    const canceled = emitter.next('nodeReady', { signal: controller.signal });
    controller.abort('enough');
    await expect(canceled).rejects.toMatchObject({ code: 'ERR_CANCELED', effect: 'none', cause: 'enough' });
    const aborted = emitter.next('nodeReady', { signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_CANCELED' });
  });
});

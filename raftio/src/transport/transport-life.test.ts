import { describe, expect, it } from '@jest/globals';
import { never, until } from './testing/hosts.js';
import { type HeldLink, TransportLife } from './transport-life.js';

class FakeLink implements HeldLink {
  reason: Error | undefined;
  sweeps = 0;
  #close: () => void = () => undefined;
  readonly closed = new Promise<void>((resolve) => (this.#close = resolve));

  constructor(readonly closesWhenTold = true) {}

  sweep(): void {
    this.sweeps += 1;
  }

  terminate(reason: Error): void {
    this.reason ??= reason;
    if (this.closesWhenTold) this.#close();
  }

  close(): void {
    this.#close();
  }
}

function setUp(): { life: TransportLife<FakeLink>; listenerStops: () => number } {
  let stops = 0;
  const listener = {
    stop: (): Promise<void> => {
      stops += 1;
      return Promise.resolve();
    },
  };
  const life = new TransportLife<FakeLink>({ pingIntervalMs: 10, deadPeerTimeoutMs: 100 }, listener);
  return { life, listenerStops: () => stops };
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe('TransportLife', () => {
  it('starts once, and again only after a failure', async () => {
    const { life } = setUp();
    let listens = 0;
    const listen = async (): Promise<void> => {
      listens += 1;
      if (listens === 1) throw new Error('taken');
    };
    await expect(life.start(listen)).rejects.toThrow('taken');
    await Promise.all([life.start(listen), life.start(listen)]);
    await life.start(listen);
    expect(listens).toBe(2);
    await life.stop();
  });

  it('watches the links that it holds, until they are closed', async () => {
    const { life } = setUp();
    const [kept, closed] = [new FakeLink(), new FakeLink()];
    life.hold(kept);
    life.hold(closed);
    closed.close();
    await turns();
    await until('the link that is open was looked at', () => kept.sweeps >= 2, 3_000);
    expect(closed.sweeps).toBe(0);
    await life.stop();
    expect(kept.reason).toMatchObject({ code: 'ERR_TRANSPORT_STOPPED' });
    expect(closed.reason).toBeUndefined();
  });

  it('has stopped when what was starting, every attempt, the listener and every link have ended', async () => {
    const { life, listenerStops } = setUp();
    let endStart: () => void = () => undefined;
    void life.start(() => new Promise((resolve) => (endStart = resolve)));
    const attempt = life.connect('b:1', never, (signal) => {
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    });
    const attemptEnded = expect(attempt).rejects.toThrow('aborted');
    const slow = new FakeLink(false);
    life.hold(slow);
    let isDone = false;
    const stopping = life.stop().then(() => (isDone = true));
    expect(life.isStopped).toBe(true);
    await attemptEnded;
    await turns();
    expect([slow.reason, listenerStops()]).toEqual([undefined, 0]);
    endStart();
    await turns();
    expect(slow.reason).toMatchObject({ code: 'ERR_TRANSPORT_STOPPED' });
    expect([listenerStops(), isDone]).toEqual([1, false]);
    slow.close();
    await stopping;
    await life.stop();
    expect(listenerStops()).toBe(1);
  });

  it('takes nothing more once it was stopped', async () => {
    const { life } = setUp();
    await life.stop();
    const stopped = { code: 'ERR_TRANSPORT_STOPPED' };
    await expect(life.start(() => Promise.resolve())).rejects.toMatchObject(stopped);
    await expect(life.connect('b:1', never, () => Promise.resolve(1))).rejects.toMatchObject(stopped);
  });
});

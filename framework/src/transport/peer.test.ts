import { describe, expect, it } from '@jest/globals';
import {
  type IConnection,
  type Message,
  type MessageBatch,
  MessageType,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import { silentLogger } from '../logging/logger.js';
import { SeededRandom } from '../runtime/random.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { messageSizeBytes } from '../runtime/message-size.js';
import { Peer, type PeerOptions } from './peer.js';

const OPTIONS: PeerOptions = {
  connectTimeoutMs: 1000,
  reconnectBackoffMinMs: 100,
  reconnectBackoffMaxMs: 1000,
  sendQueueBytes: 10_000,
  maxBatchBytes: 1_000,
};

/** A connection whose sends settle when the test says so. */
class HeldConnection implements IConnection {
  readonly sent: { batch: MessageBatch; resolve: () => void; reject: (error: Error) => void }[] = [];
  closedByUs = false;
  lose: (reason?: Error) => void = () => undefined;
  readonly closed = new Promise<Error | undefined>((resolve) => {
    this.lose = resolve;
  });

  sendMessageBatch(batch: MessageBatch): Promise<void> {
    return new Promise((resolve, reject) => this.sent.push({ batch, resolve, reject }));
  }

  close(): void {
    this.closedByUs = true;
    this.lose(undefined);
  }
}

function setUp(
  connect: (attempt: number, signal: AbortSignal) => Promise<IConnection>,
  { mayAddLane = false } = {},
) {
  const clock = new ManualClock();
  const undelivered: Message[] = [];
  const certain: boolean[] = [];
  const former: boolean[] = [];
  const news: string[] = [];
  const reported: (string | undefined)[] = [];
  let attempts = 0;
  const peer = new Peer('b:1', OPTIONS, {
    connect: (_target, signal) => connect(++attempts, signal),
    makeBatch: (requests) => ({ requests, deploymentID: 1, sourceAddress: 'a:1', binVer: 210 }),
    onUndelivered: (message, { isCertain, isOfFormerConnection }) => {
      undelivered.push(message);
      certain.push(isCertain);
      former.push(isOfFormerConnection);
    },
    onConnected: () => news.push('up'),
    onDisconnected: (_target, reason) => {
      news.push('down');
      reported.push(reason?.message);
    },
    mayAddLane: () => mayAddLane,
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
  });
  return { clock, peer, undelivered, certain, former, news, reported, attempts: () => attempts };
}

const heartbeat = (to: number): Message => makeMessage({ type: MessageType.Heartbeat, to });
const replicate = (to: number, sizeBytes = 0): Message =>
  makeMessage({
    type: MessageType.Replicate,
    to,
    entries: sizeBytes === 0 ? [] : [makeEntry({ cmd: new Uint8Array(sizeBytes) })],
  });
const settle = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};
const targets = (batch: MessageBatch | undefined): number[] =>
  (batch?.requests ?? []).map((message) => message.to);

describe('Peer', () => {
  it('sends what gathered while it connected, then while it sent, as one batch each', async () => {
    const connection = new HeldConnection();
    const { peer } = setUp(() => Promise.resolve(connection));
    peer.push(heartbeat(1));
    peer.flush();
    peer.push(heartbeat(2));
    peer.flush();
    await settle();
    expect(connection.sent.map(({ batch }) => targets(batch))).toEqual([[1, 2]]);
    peer.push(heartbeat(3));
    peer.flush();
    peer.push(heartbeat(4));
    peer.flush();
    expect(connection.sent).toHaveLength(1);
    connection.sent[0]?.resolve();
    await settle();
    expect(targets(connection.sent[1]?.batch)).toEqual([3, 4]);
  });

  it('cuts a long queue into batches of bounded size, and sends a larger message alone', async () => {
    const connection = new HeldConnection();
    const { peer } = setUp(() => Promise.resolve(connection));
    const large = makeMessage({
      type: MessageType.Replicate,
      to: 9,
      entries: [makeEntry({ cmd: new Uint8Array(5_000) })],
    });
    expect(messageSizeBytes(large)).toBeGreaterThan(OPTIONS.maxBatchBytes);
    peer.push(large);
    for (let to = 1; to <= 20; to++) peer.push(replicate(to));
    peer.flush();
    await settle();
    while (connection.sent.length < 30) {
      const before = connection.sent.length;
      connection.sent[before - 1]?.resolve();
      await settle();
      if (connection.sent.length === before) break;
    }
    const batches = connection.sent.map(({ batch }) => targets(batch));
    expect(batches[0]).toEqual([9]);
    expect(batches.flat()).toEqual([9, ...Array.from({ length: 20 }, (_, i) => i + 1)]);
    for (const batch of connection.sent.slice(1)) {
      const sizeBytes = batch.batch.requests.reduce((sum, message) => sum + messageSizeBytes(message), 0);
      expect(sizeBytes).toBeLessThanOrEqual(OPTIONS.maxBatchBytes);
    }
  });

  it('distinguishes a loss on a connection that was replaced from one on the way as it is', async () => {
    const connections = [new HeldConnection(), new HeldConnection()];
    const { peer, clock, former } = setUp((attempt) =>
      Promise.resolve(connections[attempt - 1] ?? new HeldConnection()),
    );
    peer.push(heartbeat(1));
    peer.flush();
    await settle();
    connections[0]?.lose(new Error('reset'));
    await settle();
    clock.advance(1000);
    peer.push(heartbeat(2));
    peer.flush();
    await settle();
    expect(connections[1]?.sent).toHaveLength(1);
    connections[0]?.sent[0]?.reject(new Error('late'));
    await settle();
    expect(former).toEqual([true]);
    connections[1]?.sent[0]?.reject(new Error('now'));
    await settle();
    expect(former).toEqual([true, false]);
  });

  it('drops messages beyond its bound and reports it', async () => {
    const connection = new HeldConnection();
    const { peer, undelivered } = setUp(() => Promise.resolve(connection));
    for (let to = 1; to <= 200; to++) peer.push(heartbeat(to));
    const kept = 200 - undelivered.length;
    expect(kept * messageSizeBytes(heartbeat(1))).toBeLessThanOrEqual(OPTIONS.sendQueueBytes);
    expect(undelivered.length).toBeGreaterThan(0);
    peer.flush();
    await settle();
    expect(connection.sent).toHaveLength(1);
  });

  it('drops at once while the way is down, and tries again after a growing pause', async () => {
    const { peer, clock, undelivered, news, attempts } = setUp(() => Promise.reject(new Error('refused')));
    const delays: number[] = [];
    for (let round = 1; round <= 6; round++) {
      peer.push(heartbeat(round));
      peer.flush();
      await settle();
      expect(attempts()).toBe(round);
      expect(undelivered).toHaveLength(round * 2 - 1);
      peer.push(heartbeat(round));
      expect(undelivered).toHaveLength(round * 2);
      const startMs = clock.nowMs();
      while (clock.timerCount > 0) clock.advance(1);
      delays.push(clock.nowMs() - startMs);
    }
    expect(news).toEqual(['down']);
    expect(delays[0]).toBeLessThanOrEqual(100);
    expect(delays[5]).toBeGreaterThan(700);
    expect(Math.max(...delays)).toBeLessThanOrEqual(1000);
  });

  it('reports each reason for which attempts fail once, and again after the way was up', async () => {
    const reasons = ['refused on port 1', 'refused on port 2', 'expired', 'refused on port 3', '', 'expired'];
    const connection = new HeldConnection();
    const { peer, clock, news, reported } = setUp((attempt) => {
      const reason = reasons[attempt - 1] ?? '';
      return reason === '' ? Promise.resolve(connection) : Promise.reject(new Error(reason));
    });
    for (let round = 1; round <= reasons.length; round++) {
      peer.push(heartbeat(round));
      peer.flush();
      await settle();
      if (round === 5) connection.lose();
      await settle();
      while (clock.timerCount > 0) clock.advance(1);
    }
    expect(news).toEqual(['down', 'down', 'up', 'down', 'down']);
    expect(reported).toEqual(['refused on port 1', 'expired', undefined, 'expired']);
  });

  it('gives up an attempt that takes too long', async () => {
    const aborted: boolean[] = [];
    const { peer, clock, undelivered } = setUp(
      (_attempt, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            aborted.push(true);
            reject(new Error('aborted'));
          });
        }),
    );
    peer.push(heartbeat(1));
    peer.flush();
    clock.advance(999);
    expect(aborted).toEqual([]);
    clock.advance(1);
    await settle();
    expect(aborted).toEqual([true]);
    expect(undelivered).toHaveLength(1);
  });

  it('connects again after a break, and reports what was on its way', async () => {
    const connections = [new HeldConnection(), new HeldConnection()];
    const { peer, clock, news, undelivered, certain } = setUp((attempt) =>
      Promise.resolve(connections[attempt - 1]!),
    );
    peer.push(heartbeat(1));
    peer.flush();
    await settle();
    peer.push(heartbeat(7));
    connections[0]?.lose(new Error('reset'));
    connections[0]?.sent[0]?.reject(new Error('reset'));
    await settle();
    expect(undelivered.map(({ to }, i) => [to, certain[i]])).toEqual([
      [7, true],
      [1, false],
    ]);
    clock.advance(100);
    peer.push(heartbeat(2));
    peer.flush();
    await settle();
    expect(targets(connections[1]?.sent[0]?.batch)).toEqual([2]);
    expect(news).toEqual(['up', 'down', 'up']);
  });

  it('does not wait for the end of its pause once the other host is heard from', async () => {
    const connection = new HeldConnection();
    const { peer, clock, attempts } = setUp((attempt) =>
      attempt === 1 ? Promise.reject(new Error('refused')) : Promise.resolve(connection),
    );
    peer.heardFrom();
    peer.push(heartbeat(1));
    peer.flush();
    await settle();
    expect(peer.heardFrom()).toBe(true);
    expect(peer.heardFrom()).toBe(false);
    expect(clock.timerCount).toBe(0);
    peer.push(heartbeat(2));
    peer.flush();
    await settle();
    expect(attempts()).toBe(2);
    expect(targets(connection.sent[0]?.batch)).toEqual([2]);
    peer.heardFrom();
    expect(connection.closedByUs).toBe(false);
  });

  it('tries once when the other host is heard again, and then waits as long as it would however often it is', async () => {
    const { peer, clock, attempts } = setUp(() => Promise.reject(new Error('refused')));
    for (let ms = 0; ms < 10_000; ms++) {
      peer.push(heartbeat(1));
      peer.flush();
      await settle();
      peer.heardFrom();
      clock.advance(1);
    }
    const whileHeard = attempts();
    expect(whileHeard).toBeLessThan(20);
    // A pause in silence, and then the host is back.
    for (let round = 1; round <= 2; round++) {
      clock.advance(3_000);
      peer.push(heartbeat(1));
      peer.flush();
      await settle();
    }
    clock.advance(3_000);
    const before = attempts();
    peer.push(heartbeat(1));
    peer.flush();
    await settle();
    peer.push(heartbeat(1));
    peer.heardFrom();
    peer.push(heartbeat(1));
    peer.flush();
    await settle();
    expect(attempts()).toBe(before + 2);
  });

  it('waits longer each time when connections are made and end at once', async () => {
    const { peer, clock, attempts } = setUp(() => {
      const connection = new HeldConnection();
      connection.lose(new Error('another host is there'));
      return Promise.resolve(connection);
    });
    for (let ms = 0; ms < 10_000; ms++) {
      peer.push(heartbeat(1));
      peer.flush();
      await settle();
      clock.advance(1);
    }
    expect(attempts()).toBeLessThan(20);
  });

  it('begins with the shortest pause again after a connection that has lasted', async () => {
    const connections: HeldConnection[] = [];
    const { peer, clock, attempts } = setUp(() => {
      connections.push(new HeldConnection());
      return Promise.resolve(connections.at(-1) as HeldConnection);
    });
    for (let round = 1; round <= 8; round++) {
      peer.push(heartbeat(1));
      peer.flush();
      await settle();
      expect(attempts()).toBe(round);
      clock.advance(OPTIONS.reconnectBackoffMaxMs);
      connections.at(-1)?.lose();
      await settle();
      clock.advance(OPTIONS.reconnectBackoffMinMs);
    }
  });

  it('sends urgent messages before others that wait, and the others in their order', async () => {
    const connection = new HeldConnection();
    const { peer } = setUp(() => Promise.resolve(connection));
    peer.push(replicate(1));
    peer.flush();
    await settle();
    for (const to of [2, 3, 4]) peer.push(replicate(to, 900));
    peer.push(heartbeat(5));
    peer.push(makeMessage({ type: MessageType.ReplicateResp, to: 6 }));
    for (let i = 0; i < 4; i++) {
      connection.sent.at(-1)?.resolve();
      await settle();
    }
    expect(connection.sent.map(({ batch }) => targets(batch))).toEqual([[1], [5, 6], [2], [3], [4]]);
  });

  describe('a host that serves several connections', () => {
    const LARGE_BYTES = 70_000;

    async function setUpLanes(urgent: () => Promise<IConnection>) {
      const main = new HeldConnection();
      const all = setUp((attempt) => (attempt === 1 ? Promise.resolve(main) : urgent()), {
        mayAddLane: true,
      });
      all.peer.push(replicate(1));
      all.peer.flush();
      await settle();
      main.sent[0]?.resolve();
      await settle();
      return { ...all, main };
    }

    it('gets urgent messages over a second connection once a large batch is on its way', async () => {
      const urgent = new HeldConnection();
      const { peer, main, news } = await setUpLanes(() => Promise.resolve(urgent));
      peer.push(replicate(2, LARGE_BYTES));
      peer.flush();
      await settle();
      expect(main.sent.map(({ batch }) => targets(batch))).toEqual([[1], [2]]);
      urgent.sent[0]?.resolve(); // its greeting
      await settle();
      peer.push(heartbeat(3));
      peer.push(replicate(4));
      peer.flush();
      expect(urgent.sent.map(({ batch }) => targets(batch))).toEqual([[], [3]]);
      main.sent[1]?.resolve();
      await settle();
      expect(targets(main.sent[2]?.batch)).toEqual([4]);
      expect(news).toEqual(['up']);
      peer.stop();
      expect(urgent.closedByUs).toBe(true);
    });

    it('forgets which groups sent something large when they do not run here any more', async () => {
      const others: HeldConnection[] = [];
      const { peer, main } = await setUpLanes(() => {
        others.push(new HeldConnection());
        return Promise.resolve(others.at(-1) as HeldConnection);
      });
      const of = (clusterID: number, message: Message): Message => ({ ...message, clusterID });
      peer.push(of(5, replicate(2, 300_000)));
      peer.flush();
      await settle();
      peer.forget(5);
      peer.push(of(5, replicate(3)));
      peer.flush();
      await settle();
      expect(main.sent.map(({ batch }) => targets(batch))).toEqual([[1], [3]]);
      peer.stop();
    });

    it('gets what is large over a connection of its own, with all else of that group but what is urgent', async () => {
      const others: HeldConnection[] = [];
      const { peer, main } = await setUpLanes(() => {
        others.push(new HeldConnection());
        return Promise.resolve(others.at(-1) as HeldConnection);
      });
      const of = (clusterID: number, message: Message): Message => ({ ...message, clusterID });
      peer.push(of(5, replicate(2, 300_000)));
      peer.flush();
      await settle();
      const [large, urgent] = others as [HeldConnection, HeldConnection];
      urgent.sent[0]?.resolve();
      await settle();
      peer.push(of(5, replicate(3)));
      peer.push(of(6, replicate(4)));
      peer.push(of(5, heartbeat(5)));
      peer.flush();
      await settle();
      large.sent[0]?.resolve();
      await settle();
      expect(large.sent.map(({ batch }) => targets(batch))).toEqual([[2], [3]]);
      expect(main.sent.map(({ batch }) => targets(batch))).toEqual([[1], [4]]);
      expect(urgent.sent.map(({ batch }) => targets(batch))).toEqual([[], [5]]);
      large.lose(new Error('reset'));
      await settle();
      main.sent[1]?.resolve();
      peer.push(of(5, replicate(6)));
      peer.flush();
      await settle();
      expect(targets(main.sent[2]?.batch)).toEqual([6]);
      peer.stop();
      expect([large.closedByUs, urgent.closedByUs]).toEqual([false, true]);
    });

    it('gets many smaller messages of one group over that connection, too, when they wait for the first', async () => {
      const others: HeldConnection[] = [];
      const { peer, main } = await setUpLanes(() => {
        const connection = new HeldConnection();
        others.push(connection);
        return Promise.resolve(connection);
      });
      const of = (clusterID: number, message: Message): Message => ({ ...message, clusterID });
      peer.push(of(6, replicate(9)));
      peer.flush();
      // The first connection is busy with that all the while.
      peer.push(of(5, replicate(2, 200_000)));
      peer.push(of(5, replicate(4, 200_000)));
      peer.flush();
      await settle();
      const [large] = others as [HeldConnection];
      expect(large.sent.map(({ batch }) => targets(batch))).toEqual([[4]]);
      // The queues of this test are full with that.
      peer.push(of(5, replicate(5)));
      large.sent[0]?.resolve();
      await settle();
      expect(large.sent.map(({ batch }) => targets(batch))).toEqual([[4], [5]]);
      expect(main.sent.map(({ batch }) => targets(batch))).toEqual([[1], [9]]);
    });

    it('gives a group no connection for large messages when the first one keeps up with it', async () => {
      let further = 0;
      const { peer, main } = await setUpLanes(() => {
        further += 1;
        return Promise.reject(new Error('refused'));
      });
      for (let i = 1; i <= 30; i++) {
        peer.push(replicate(i, 30_000));
        peer.flush();
        main.sent.at(-1)?.resolve();
        await settle();
      }
      expect(further).toBe(0);
    });

    it('closes the connection for large messages, and forgets its groups, when it is not used for long', async () => {
      const others: HeldConnection[] = [];
      const { peer, main } = await setUpLanes(() => {
        const connection = new HeldConnection();
        others.push(connection);
        return Promise.resolve(connection);
      });
      peer.push(replicate(2, 300_000));
      peer.flush();
      await settle();
      const [large] = others as [HeldConnection];
      peer.releaseIdle();
      peer.releaseIdle();
      expect(large.closedByUs).toBe(false);
      large.sent[0]?.resolve();
      await settle();
      peer.releaseIdle();
      expect(large.closedByUs).toBe(true);
      main.sent[0]?.resolve();
      peer.push(replicate(3));
      peer.flush();
      await settle();
      expect(targets(main.sent[1]?.batch)).toEqual([3]);
    });

    it('gets no large batch while the second connection is being made, but urgent messages', async () => {
      let refuse: (error: Error) => void = () => undefined;
      const { peer, main } = await setUpLanes(() => new Promise((_resolve, reject) => (refuse = reject)));
      peer.push(replicate(2, LARGE_BYTES));
      peer.flush();
      peer.push(heartbeat(3));
      peer.flush();
      await settle();
      expect(main.sent.map(({ batch }) => targets(batch))).toEqual([[1], [3]]);
      main.sent[1]?.resolve();
      refuse(new Error('refused'));
      await settle();
      expect(targets(main.sent[2]?.batch)).toEqual([2]);
      peer.push(heartbeat(4));
      peer.flush();
      main.sent[2]?.resolve();
      await settle();
      expect(targets(main.sent[3]?.batch)).toEqual([4]);
    });

    it('gets everything over the first connection when a further one can not be made in time', async () => {
      const { peer, main, clock } = await setUpLanes(() => new Promise(() => undefined));
      peer.push(replicate(2, 300_000));
      peer.flush();
      await settle();
      expect(main.sent.map(({ batch }) => targets(batch))).toEqual([[1]]);
      clock.advance(250); // for the connection for large messages
      clock.advance(250); // for the one for urgent ones
      await settle();
      expect(targets(main.sent[1]?.batch)).toEqual([2]);
      main.sent[1]?.resolve();
      await settle();
      peer.push(replicate(3, 300_000));
      peer.push(heartbeat(4));
      peer.flush();
      await settle();
      main.sent[2]?.resolve();
      await settle();
      expect(main.sent.slice(2).map(({ batch }) => targets(batch))).toEqual([[4], [3]]);
    });

    it('gets what is urgent over the first connection again when the second has ended', async () => {
      const urgent = new HeldConnection();
      const { peer, main } = await setUpLanes(() => Promise.resolve(urgent));
      peer.push(replicate(2, LARGE_BYTES));
      peer.flush();
      await settle();
      urgent.lose(new Error('reset'));
      await settle();
      main.sent[1]?.resolve();
      peer.push(heartbeat(3));
      peer.flush();
      await settle();
      expect(targets(main.sent[2]?.batch)).toEqual([3]);
    });
  });

  it('leaves nothing behind when it stops', async () => {
    const connection = new HeldConnection();
    const { peer, clock, undelivered } = setUp(() => Promise.resolve(connection));
    peer.push(heartbeat(1));
    peer.flush();
    await settle();
    peer.stop();
    expect(connection.closedByUs).toBe(true);
    peer.push(heartbeat(2));
    peer.flush();
    await settle();
    expect(undelivered).toHaveLength(1);
    expect(clock.timerCount).toBe(0);
  });
});

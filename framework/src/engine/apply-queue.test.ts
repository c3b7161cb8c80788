import { describe, expect, it } from '@jest/globals';
import { type Entry, type Snapshot, emptyMembership, makeEntry } from '@drakkar/raftio';
import { ApplyQueue } from './apply-queue.js';

/** A queue whose recoveries, and whose slow entries, end when the test says so. */
function setUp(): {
  queue: ApplyQueue;
  events: string[];
  end: (error?: Error) => Promise<void>;
} {
  const events: string[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const later = (): Promise<void> =>
    new Promise((resolve, reject) => ends.push((error) => (error === undefined ? resolve() : reject(error))));
  const queue = new ApplyQueue({
    apply: (entries) => {
      events.push(`apply ${entries.map(({ index }) => index).join(' ')}`);
      return entries[0]?.cmd.length === 0 ? undefined : later();
    },
    recover: ({ index }) => {
      events.push(`recover ${index}`);
      return later();
    },
    done: (index) => void events.push(`done ${index}`),
    failed: (error) => void events.push(`failed: ${(error as Error).message}`),
  });
  const end = async (error?: Error): Promise<void> => {
    ends.shift()?.(error);
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { queue, events, end };
}

const quick = (...indexes: number[]): Entry[] => indexes.map((index) => makeEntry({ index, term: 1 }));
const slow = (index: number): Entry[] => [makeEntry({ index, term: 1, cmd: Uint8Array.of(1) })];
const snapshotAt = (index: number): Snapshot => ({
  filepath: '',
  fileSize: 1,
  index,
  term: 1,
  membership: emptyMembership(),
  files: [],
});

describe('ApplyQueue', () => {
  it('applies at once what can be applied at once', () => {
    const { queue, events } = setUp();
    queue.entries(quick(1, 2));
    expect(events).toEqual(['apply 1 2', 'done 2']);
  });

  it('keeps the order of the log, whatever takes its time', async () => {
    const { queue, events, end } = setUp();
    queue.snapshot(snapshotAt(10));
    queue.entries(quick(11));
    queue.entries(slow(12));
    queue.snapshot(snapshotAt(20));
    queue.entries(quick(21));
    expect(events).toEqual(['recover 10']);
    await end();
    expect(events.slice(1)).toEqual(['done 10', 'apply 11', 'done 11', 'apply 12']);
    await end();
    expect(events.slice(5)).toEqual(['done 12', 'recover 20']);
    await end();
    expect(events.slice(7)).toEqual(['done 20', 'apply 21', 'done 21']);
  });

  it('does nothing more after a failure, nor when it is stopped', async () => {
    const failing = setUp();
    failing.queue.entries(slow(1));
    failing.queue.entries(quick(2));
    await failing.end(new Error('no'));
    expect(failing.events).toEqual(['apply 1', 'failed: no']);

    const stopped = setUp();
    stopped.queue.entries(slow(1));
    stopped.queue.entries(quick(2));
    const stopping = stopped.queue.stop();
    await stopped.end();
    await stopping;
    stopped.queue.entries(quick(3));
    expect(stopped.events).toEqual(['apply 1']);
  });
});

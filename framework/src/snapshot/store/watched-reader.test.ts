import { describe, expect, it } from '@jest/globals';
import { collect, never } from '../testing/fixture.js';
import { WatchedReader } from './watched-reader.js';

/** Pieces of one byte; reading number `fails`, counted from 1, throws. Counts what is read. */
class Source implements AsyncIterable<Uint8Array> {
  reads = 0;
  closed = 0;

  constructor(
    readonly count: number,
    readonly fails = 0,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (let i = 1; i <= this.count; i++) {
        this.reads++;
        if (i === this.fails) throw new Error(`piece ${i} is damaged`);
        yield Uint8Array.of(i);
      }
    } finally {
      this.closed++;
    }
  }
}

async function readSome(reader: AsyncIterable<Uint8Array>, count: number): Promise<number[]> {
  const seen: number[] = [];
  if (count === 0) return seen;
  for await (const piece of reader) {
    seen.push(...piece);
    if (seen.length === count) break;
  }
  return seen;
}

describe('WatchedReader', () => {
  it('passes on what is read, and reads nothing twice', async () => {
    const source = new Source(5);
    const reader = new WatchedReader(source);
    expect([...(await collect(reader))]).toEqual([1, 2, 3, 4, 5]);
    await reader.finish(never());
    expect({ reads: source.reads, closed: source.closed }).toEqual({ reads: 5, closed: 1 });
  });

  it.each([0, 1, 3, 4])('reads the rest of five pieces when %s were read', async (count) => {
    const source = new Source(5);
    const reader = new WatchedReader(source);
    expect(await readSome(reader, count)).toHaveLength(count);
    await reader.finish(never());
    expect({ reads: source.reads, closed: source.closed }).toEqual({ reads: 5, closed: 1 });
  });

  it.each([0, 2, 4])('reports damage behind the %s pieces that were read', async (count) => {
    const reader = new WatchedReader(new Source(5, 5));
    await readSome(reader, count);
    expect(reader.failure).toBeUndefined();
    await expect(reader.finish(never())).rejects.toThrow('piece 5 is damaged');
    expect(reader.failure).toMatchObject({ error: { message: 'piece 5 is damaged' } });
  });

  it('reports damage that the reader has passed over', async () => {
    const reader = new WatchedReader(new Source(5, 3));
    await expect(collect(reader)).rejects.toThrow('piece 3 is damaged');
    await expect(reader.finish(never())).rejects.toThrow('piece 3 is damaged');
  });

  it('may be read more than once', async () => {
    const reader = new WatchedReader(new Source(3));
    expect(await readSome(reader, 2)).toEqual([1, 2]);
    expect([...(await collect(reader))]).toEqual([1, 2, 3]);
    await reader.finish(never());
  });

  it('ends when it is called off', async () => {
    const reader = new WatchedReader(new Source(3));
    await expect(reader.finish(AbortSignal.abort())).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_STOPPED' });
  });
});

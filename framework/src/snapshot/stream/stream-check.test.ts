import { describe, expect, it } from '@jest/globals';
import { MemoryDisk } from '../testing/memory-disk.js';
import { chunksFor, makeSource } from '../testing/stream-fixture.js';
import { StreamCheck } from './stream-check.js';

describe('the first chunk of a stream', () => {
  it('is refused when the stream is of another deployment, or of another release of the protocol', async () => {
    const disk = new MemoryDisk();
    const [first] = await chunksFor(disk, await makeSource(disk, { dataBytes: 10 }));
    if (first === undefined) throw new Error('no chunk');
    expect(StreamCheck.start(first, first.deploymentID)).toBeInstanceOf(StreamCheck);
    expect(StreamCheck.start(first, 43)).toBe('deployment 42, not 43');
    expect(StreamCheck.start({ ...first, binVer: 211 }, first.deploymentID)).toBe('binVer 211, not 210');
  });
});

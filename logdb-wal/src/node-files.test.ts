import { describe, expect, it } from '@jest/globals';
import type { FileHandle } from 'node:fs/promises';
import { NodeFile } from './node-files.js';

/** A handle that does no more than so many bytes in one call. */
function slowHandle(content: Uint8Array, mostBytes: number): FileHandle {
  const handle = {
    write: async (data: Uint8Array, from: number, sizeBytes: number, offset: number) => {
      const bytesWritten = Math.min(sizeBytes, mostBytes);
      content.set(data.subarray(from, from + bytesWritten), offset);
      return { bytesWritten };
    },
    read: async (buffer: Uint8Array, at: number, sizeBytes: number, offset: number) => {
      const found = content.subarray(offset, offset + Math.min(sizeBytes, mostBytes));
      buffer.set(found, at);
      return { bytesRead: found.length };
    },
  };
  return handle as unknown as FileHandle;
}

describe('a file', () => {
  const data = Uint8Array.from({ length: 10 }, (_, i) => i + 1);

  it('goes on with a write that was shorter than asked for, and with a read', async () => {
    const content = new Uint8Array(12);
    const file = new NodeFile(slowHandle(content, 3));
    await file.write(data, 2);
    expect([...content]).toEqual([0, 0, ...data]);
    const buffer = new Uint8Array(20);
    expect(await file.read(buffer, 2)).toBe(10);
    expect([...buffer.subarray(0, 10)]).toEqual([...data]);
  });

  it('fails a write that comes to nothing', async () => {
    const file = new NodeFile(slowHandle(new Uint8Array(12), 0));
    await expect(file.write(data, 0)).rejects.toThrow(/no more than 0 of 10 bytes/);
  });
});

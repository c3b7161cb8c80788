import type { IFileSystem } from '../../fs/file-system.js';
import { throwIfStopped } from '../failure.js';
import { readPart } from '../format/corrupt.js';
import { type ByteMeter, noMeter } from '../progress.js';
import { PacedFile } from '../paced-file.js';

const PIECE_BYTES = 1024 * 1024;

/** Copies the content of a file to a new file; durable on return, its name excepted. */
export async function copyFile(
  fs: IFileSystem,
  from: string,
  to: string,
  signal: AbortSignal,
  meter: ByteMeter = noMeter,
): Promise<void> {
  const source = await fs.open(from, 'read');
  try {
    const target = new PacedFile(await fs.open(to, 'create'));
    try {
      const buffer = new Uint8Array(PIECE_BYTES);
      for (let offset = 0; ;) {
        throwIfStopped(signal, `copying ${from}`);
        const size = await readPart(source, from, buffer, offset);
        if (size === 0) break;
        await target.write(buffer.subarray(0, size), offset);
        offset += size;
        meter(size);
      }
      await target.sync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

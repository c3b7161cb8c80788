import { open } from 'node:fs/promises';

/** Flips one bit of a file. */
export async function flipBit(path: string, bit: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    const offset = Math.floor(bit / 8);
    await file.read(byte, 0, 1, offset);
    byte[0] = (byte[0] ?? 0) ^ (1 << (bit % 8));
    await file.write(byte, 0, 1, offset);
    await file.sync();
  } finally {
    await file.close();
  }
}

import type { SnapshotProgress } from '@drakkar/framework';
import type { Output } from './output.js';

/** Prints how far work on a snapshot has come. */
export function progressPrinter(output: Output, name: string): (progress: SnapshotProgress) => void {
  return ({ phase, doneBytes, totalBytes }) => {
    const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes);
    output.progress(`${name}: ${phase}, ${percent}% of ${totalBytes} bytes`);
  };
}

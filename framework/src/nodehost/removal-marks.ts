import { join } from 'node:path';
import { writeFileDurable } from '../fs/durable.js';
import type { IFileSystem } from '../fs/file-system.js';

/**
 * Says of a replica that its data is being removed, from before the first of it goes until it is on record that the
 * node can't be started here any more. A crash in between would else leave a node id that seems never to have been
 * used, and a voting member could come back without the promises that it made.
 */
export class RemovalMarks {
  readonly #fs: IFileSystem;
  readonly #dir: string;

  /** @param dir existing folder, absolute */
  constructor(fileSystem: IFileSystem, dir: string) {
    this.#fs = fileSystem;
    this.#dir = dir;
  }

  async isSet(clusterID: number, nodeID: number): Promise<boolean> {
    return (await this.#fs.stat(this.#path(clusterID, nodeID))) !== undefined;
  }

  /** Durable on return. */
  async set(clusterID: number, nodeID: number): Promise<void> {
    await writeFileDurable(this.#fs, this.#path(clusterID, nodeID), new Uint8Array(0));
  }

  /** A crash may bring it back, which does no harm: what it asks for has been done. */
  async clear(clusterID: number, nodeID: number): Promise<void> {
    await this.#fs.remove(this.#path(clusterID, nodeID));
  }

  #path(clusterID: number, nodeID: number): string {
    return join(this.#dir, `${clusterID}-${nodeID}.removing`);
  }
}

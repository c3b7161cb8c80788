import { ErrNetworkFileSystem } from '../errors/host.js';
import type { IFileSystem } from '../fs/file-system.js';

/** A folder on a file system that other machines may have, too. */
export interface SharedFolder {
  dir: string;
  /** Such as FUSE. */
  fileSystem: string;
}

/**
 * The lock of a data directory is seen by the processes of one machine alone. On a file system that several have, two of
 * them could run a host on the same data, and each vote in its name.
 *
 * @param isNew whether no host has used them yet; those that one has are not refused, or a release of before could not
 * be upgraded
 * @returns those that are on such a file system, or perhaps are
 * @throws ErrNetworkFileSystem for a new one that is
 */
export async function checkSharedDisks(
  fs: IFileSystem,
  dirs: Iterable<string>,
  isNew: boolean,
): Promise<SharedFolder[]> {
  const found: SharedFolder[] = [];
  for (const dir of new Set(dirs)) {
    const kind = await fs.kindOf?.(dir);
    if (kind === undefined) continue;
    if (kind.shared === 'yes' && isNew) {
      throw new ErrNetworkFileSystem(
        `${dir} is on ${kind.name}, a network file system: the lock of a data directory can't see a host on another machine, and two hosts on the same data break the promises of Raft. Use a local disk, or set allowNetworkFileSystem when nothing but this machine can start this host`,
        { details: { dir, fileSystem: kind.name } },
      );
    }
    found.push({ dir, fileSystem: kind.name });
  }
  return found;
}

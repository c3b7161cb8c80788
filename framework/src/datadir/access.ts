import { hasSystemCode } from '../errors/inspect.js';
import type { FileAccess, IFileSystem } from '../fs/file-system.js';

const OF_OTHERS = 0o077;
const OF_EVERYBODY = 0o007;
const READ_OR_WRITE = 0o066;
const ROOT_ID = 0;

/** Something that others than its owner may read or change. */
export interface Exposure {
  path: string;
  /** Its permission bits as people write them, such as `0755`. */
  mode: string;
  /** Why they could not be taken away; undefined for what is not the host's own. */
  error?: unknown;
}

export interface Tightened {
  /** Folders that others have had access to, and have not any more. */
  tightened: Exposure[];
  /** Those that they still have access to. */
  exposed: Exposure[];
}

/** As people write them. */
function modeText(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`;
}

/**
 * Takes the access that others have to a host's own folders away. Releases before 0.2 made them for everybody to read,
 * and so does who makes them by hand. Files in them need not be looked at: nobody gets to them.
 */
export async function tightenFolders(fs: IFileSystem, dirs: Iterable<string>): Promise<Tightened> {
  const result: Tightened = { tightened: [], exposed: [] };
  for (const path of new Set(dirs)) {
    const access = (await fs.stat(path))?.access;
    if (access === undefined || (access.mode & OF_OTHERS) === 0) continue;
    const found = { path, mode: modeText(access.mode) };
    try {
      await fs.setMode?.(path, access.mode & ~OF_OTHERS);
    } catch (error) {
      if (!hasSystemCode(error, 'EPERM', 'EACCES', 'EROFS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL')) throw error;
      result.exposed.push({ ...found, error });
      continue;
    }
    // Some file systems take no modes, and say nothing.
    const isTight = (((await fs.stat(path))?.access?.mode ?? 0) & OF_OTHERS) === 0;
    (isTight ? result.tightened : result.exposed).push(found);
  }
  return result;
}

/** A key is root's to share with a group, which is how services are given theirs, and nobody else's. */
function isShared({ mode, ownerID }: FileAccess): boolean {
  const bits = ownerID === ROOT_ID ? OF_EVERYBODY : OF_OTHERS;
  return (mode & bits & READ_OR_WRITE) !== 0;
}

/** Undefined when nobody but its owner, or a group that root has chosen, can read the key; or when that is not known. */
export async function exposureOfKey(fs: IFileSystem, path: string): Promise<Exposure | undefined> {
  const access = (await fs.stat(path).catch(() => undefined))?.access;
  return access !== undefined && isShared(access) ? { path, mode: modeText(access.mode) } : undefined;
}

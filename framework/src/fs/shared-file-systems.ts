import { statfs } from 'node:fs/promises';
import type { FileSystemKind } from './file-system.js';

/** The numbers by which Linux names file systems in statfs(2), of those that other machines can have, too. */
const SHARED: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff53_4d42, 'CIFS'],
  [0xfe53_4d42, 'SMB2'],
  [0x564c, 'NCP'],
  [0x5346_414f, 'AFS'],
  [0x6b41_4653, 'AFS'],
  [0x7375_7245, 'Coda'],
  [0x00c3_6400, 'Ceph'],
  [0x0bd0_0bd0, 'Lustre'],
  [0x4750_4653, 'GPFS'],
  [0x0116_1970, 'GFS2'],
  [0x7461_636f, 'OCFS2'],
  [0x2003_0528, 'OrangeFS'],
  [0x1983_0326, 'BeeGFS'],
]);

/** Those that may lead to another machine, and on most machines do not. */
const PERHAPS_SHARED: ReadonlyMap<number, string> = new Map([
  [0x6573_5546, 'FUSE'],
  [0x0102_1997, '9p'],
  [0x786f_4256, 'vboxsf'],
]);

/** @param type as statfs(2) gives it; Node.js may have made it negative */
export function sharedFileSystem(type: number): FileSystemKind | undefined {
  const number = type >>> 0;
  const name = SHARED.get(number);
  if (name !== undefined) return { name, shared: 'yes' };
  const perhaps = PERHAPS_SHARED.get(number);
  return perhaps === undefined ? undefined : { name: perhaps, shared: 'perhaps' };
}

/** Known on Linux, and on Windows for paths that name a server; elsewhere the numbers mean nothing. */
export async function sharedFileSystemOf(path: string): Promise<FileSystemKind | undefined> {
  if (process.platform === 'win32')
    return /^[\\/]{2}[^?.]/.test(path) ? { name: 'a network share', shared: 'yes' } : undefined;
  if (process.platform !== 'linux') return undefined;
  try {
    return sharedFileSystem((await statfs(path)).type);
  } catch {
    return undefined;
  }
}

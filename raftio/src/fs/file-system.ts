/** An open file. Offsets and sizes are in bytes. */
export interface IFile {
  /**
   * Reads up to `buffer.length` bytes from `offset` on into `buffer`; returns how many, less than asked only at the
   * end of the file.
   */
  read(buffer: Uint8Array, offset: number): Promise<number>;
  /** Writes all of `data` at `offset`. */
  write(data: Uint8Array, offset: number): Promise<void>;
  /** On return, everything written to the file before the call, and its size, is on stable storage. */
  sync(): Promise<void>;
  /** As `sync`, but for what is known of the file beside its content and size. No such method: `sync` is used. */
  datasync?(): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  sizeBytes(): Promise<number>;
  /** Idempotent. */
  close(): Promise<void>;
}

/**
 * `read`: existing file; `create`: new file, fails with EEXIST if there is one; `overwrite`: file made empty, created
 * if need be; `update`: existing file, for reading and writing.
 */
export type OpenMode = 'read' | 'create' | 'overwrite' | 'update';

export interface FileStat {
  kind: 'file' | 'directory' | 'other';
  sizeBytes: number;
  /** Who may do what with it; undefined where the operating system has no such thing, as Windows and simulators. */
  access?: FileAccess;
}

export interface FileAccess {
  /** Permission bits, such as 0o600. */
  mode: number;
  ownerID: number;
}

/** Of the disk that something is on. */
export interface DiskSpace {
  /** For who is not the superuser. */
  freeBytes: number;
  totalBytes: number;
}

/** What kind of file system something is on, where that matters. */
export interface FileSystemKind {
  name: string;
  /** Whether other machines can have it, too: `yes`, or perhaps, as with FUSE, which may be anything. */
  shared: 'yes' | 'perhaps';
}

/**
 * Files, as what keeps data on a disk uses them, so that tests can make them fail and a simulator can replace them. Paths are
 * absolute. Errors are those of Node, with their `code` (ENOENT, EEXIST, ENOSPC, …), except where said otherwise.
 * What it makes can be read by its owner alone, where the file system has owners.
 */
export interface IFileSystem {
  open(path: string, mode: OpenMode): Promise<IFile>;
  /** The whole content. */
  readFile(path: string): Promise<Uint8Array>;
  /** `undefined` if there is nothing at `path`. Follows symbolic links. */
  stat(path: string): Promise<FileStat | undefined>;
  /** Names, not paths, in no particular order. */
  readDir(path: string): Promise<string[]>;
  /** Makes the folder and those above it that are missing. Not durable until the folder above is synced. */
  makeDir(path: string): Promise<void>;
  /** Atomic; replaces a file at `to`. Durable once the folders concerned are synced. */
  rename(from: string, to: string): Promise<void>;
  /** A second name for a file's content; fails with EEXIST if `to` exists, with EXDEV across devices. */
  link(from: string, to: string): Promise<void>;
  /** Removes a file, or a folder with all that is in it. Nothing there is no error. */
  remove(path: string): Promise<void>;
  /** On return, names made, renamed or removed in the folder are on stable storage. */
  syncDir(path: string): Promise<void>;
  /** Of the disk that `path`, which exists, is on; `undefined`, or no such method: not known. */
  space?(path: string): Promise<DiskSpace | undefined>;
  /** Sets the permission bits. */
  setMode?(path: string, mode: number): Promise<void>;
  /** Which file or folder `path` leads to, whatever its name becomes; undefined: nothing is there. */
  identity?(path: string): Promise<string | undefined>;
  /** Of the file system that `path`, which exists, is on; undefined: a local one, or not known. */
  kindOf?(path: string): Promise<FileSystemKind | undefined>;
}

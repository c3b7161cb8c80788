export type {
  DiskSpace,
  FileAccess,
  FileStat,
  FileSystemKind,
  IFile,
  IFileSystem,
  OpenMode,
} from '@drakkar/raftio/fs';

export const FileSystemID = Symbol.for('@drakkar/framework/IFileSystem');

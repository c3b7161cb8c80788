export type {
  DiskSpace,
  FileAccess,
  FileStat,
  FileSystemKind,
  IFile,
  IFileSystem,
  OpenMode,
} from './file-system.js';

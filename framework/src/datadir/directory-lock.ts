/** A lock that is held. */
export interface HeldLock {
  /** Gives the lock back. Idempotent. */
  release(): Promise<void>;
}

/** Keeps a folder for one owner at a time, across processes. */
export interface IDirectoryLock {
  /**
   * Takes the lock of an existing folder. Throws ErrLockDirectory when somebody else has it, in this process or
   * another. The end of the owner's process, whatever its cause, frees the lock.
   */
  acquire(dir: string): Promise<HeldLock>;
}

export const DirectoryLockID = Symbol.for('@drakkar/framework/IDirectoryLock');

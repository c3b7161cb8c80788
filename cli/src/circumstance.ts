import { constants } from 'node:os';
import type { StorageProblem } from '@drakkar/framework';
import { storageProblemOf } from '@drakkar/framework/internals';

/**
 * Codes of the system that tell something about data: it is not there, or is not what it should be. With every other one
 * the system did not let it be read, which says nothing of the data.
 */
const ABOUT_DATA = new Set(['ENOENT', 'EISDIR', 'ENOTDIR', 'EEXIST', 'EINVAL']);
const OUT_OF_MEMORY = ['ERR_MEMORY_ALLOCATION_FAILED', 'ERR_WORKER_OUT_OF_MEMORY'];
const MAX_DEPTH = 8;

/** For what engines of native code hand on as a number or in words. A file that is gone is no circumstance. */
const CODE_OF: Readonly<Record<StorageProblem, string | undefined>> = {
  noSpace: 'ENOSPC',
  inputOutput: 'EIO',
  readOnly: 'EROFS',
  noDescriptors: 'EMFILE',
  folderGone: undefined,
  noAccess: 'EACCES',
  noMemory: 'ENOMEM',
};

/**
 * Why something could not be read, when that says nothing of the data: no permission, no descriptors or memory left, a
 * disk that fails. Looks at causes, too, for adapters wrap errors of the system.
 */
export function circumstanceOf(error: unknown): string | undefined {
  let each = error;
  for (let depth = 0; depth < MAX_DEPTH && typeof each === 'object' && each !== null; depth++) {
    const { code, message, cause } = each as { code?: unknown; message?: unknown; cause?: unknown };
    if (typeof code === 'string') {
      if (code in constants.errno && !ABOUT_DATA.has(code)) return code;
      if (OUT_OF_MEMORY.includes(code)) return code;
    }
    if (each instanceof RangeError && /allocation failed/i.test(String(message))) return 'ENOMEM';
    each = cause;
  }
  const problem = storageProblemOf(error);
  return problem === undefined ? undefined : CODE_OF[problem];
}

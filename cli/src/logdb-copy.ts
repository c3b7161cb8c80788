import { ErrInvalidOption } from '@drakkar/framework';
import { type CopyPlacesOptions, copyBetweenPlaces } from './logdb-copy-place.js';
import { switchLogDB } from './logdb-copy-switch.js';
import type { ExitCode, Output } from './output.js';
import type { DataDirOptions } from './data-dir-options.js';

export interface CopyOptions extends CopyPlacesOptions, DataDirOptions {
  switchTo?: string;
}

/** `drakkar logdb copy`: from one LogDB to another, or a host from its LogDB to another. */
export function copyLogDB(output: Output, options: CopyOptions): Promise<ExitCode> {
  const { switchTo, from, to, config, dir } = options;
  const isAboutPlaces = from !== undefined || to !== undefined;
  const isAboutHost = config !== undefined || dir !== undefined || switchTo !== undefined;
  if (isAboutPlaces && isAboutHost) {
    throw new ErrInvalidOption(
      '--from and --to name LogDBs, --config, --dir and --switch-to a host: use either',
    );
  }
  if (!isAboutHost) return copyBetweenPlaces(output, options);
  if (switchTo === undefined) {
    throw new ErrInvalidOption('--switch-to FILE must name the configuration that the host will have');
  }
  return switchLogDB(output, { ...options, switchTo });
}

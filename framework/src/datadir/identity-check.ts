import { BIN_VER, isSameAddress } from '@drakkar/raftio';
import {
  ErrDeploymentIDChanged,
  ErrHardSettingsChanged,
  ErrIncompatibleData,
  ErrLogDBType,
  ErrNotOwner,
} from '../errors/host.js';
import type { DataDirStatus } from './status.js';

/** What a host says of itself; all of it must be as when the directory was made. */
export type HostIdentity = Omit<DataDirStatus, 'hostId' | 'generation'>;

/** Throws when the directory at `dir`, of which `stored` was read, is not that host's, or was written otherwise. */
export function checkIdentity(dir: string, stored: DataDirStatus, host: HostIdentity): void {
  const details = { dir, stored: { ...stored }, configured: { ...host } };
  if (stored.binVer !== BIN_VER) {
    const advice =
      stored.binVer > BIN_VER
        ? 'use the release that wrote it, or a later one'
        : 'open it with a release that can convert it first';
    throw new ErrIncompatibleData(
      `${dir} holds data of format ${stored.binVer}, but this release reads format ${BIN_VER}; ${advice}`,
      { details },
    );
  }
  if (!isSameAddress(stored.address, host.address)) {
    throw new ErrNotOwner(
      `${dir} belongs to NodeHost ${stored.address}; the configuration says raftAddress ${host.address}. Give each NodeHost a nodeHostDir of its own, and keep its raftAddress`,
      { details },
    );
  }
  if (stored.deploymentId !== host.deploymentId) {
    throw new ErrDeploymentIDChanged(
      `${dir} belongs to deployment ${stored.deploymentId}; the configuration says deploymentId ${host.deploymentId}`,
      { details },
    );
  }
  if (stored.hardHash !== host.hardHash) {
    throw new ErrHardSettingsChanged(
      `${dir} was made with other hardSettings than the configuration has; set them back to what they were (hash ${stored.hardHash}, now ${host.hardHash})`,
      { details },
    );
  }
  if (stored.logdb !== host.logdb) {
    throw new ErrLogDBType(
      `${dir} was written by the LogDB '${stored.logdb}'; the configuration chooses '${host.logdb}'. To move a host that has data, stop it and use: drakkar logdb copy --config <its configuration until now> --switch-to <the new one>`,
      { details },
    );
  }
}

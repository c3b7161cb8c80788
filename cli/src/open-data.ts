import { resolve } from 'node:path';
import { type ILogDB, hasErrorCode, isDrakkarError } from '@drakkar/raftio';
import {
  ErrDataDirCorrupt,
  ErrDirNotExist,
  ErrInvalidOption,
  ErrLockDirectory,
  ErrLogDBType,
  type HeldLock,
  LoggerFactoryID,
  type Overrides,
  silentLoggerFactory,
} from '@drakkar/framework';
import {
  type DataDirLayout,
  type DataDirStatus,
  NodeFileSystem,
  type NodeHostServices,
  SnapshotStore,
  buildContainer,
  identityOf,
  layoutOf,
  readAndCheck,
  readStatus,
  refuseIfLocked,
  withoutTransport,
} from '@drakkar/framework/internals';
import { type LogDBCopy, copyForReading, findUnwritable } from './read-only.js';
import type { DataDirOptions } from './data-dir-options.js';
import { lockForCommand } from './owner.js';
import type { Output } from './output.js';
import { SuspendedSeal, checkLockFiles } from './suspended-seal.js';

/** A data directory that was there already, locked, with its LogDB open. */
export interface OpenedData {
  readonly status: DataDirStatus;
  readonly layout: DataDirLayout;
  readonly services: NodeHostServices;
  readonly logDB: ILogDB;
  readonly seal: SuspendedSeal;
  /** Nothing can be written to the data directory; the LogDB is a copy. */
  readonly isReadOnly: boolean;
  snapshotStore(clusterID: number, nodeID: number): SnapshotStore;
  /** Idempotent. */
  close(): Promise<void>;
}

/** What a command needs besides: its own output is all that it says. */
export const quiet: Overrides = (container) => {
  container.bind(LoggerFactoryID).toConstantValue(silentLoggerFactory);
};

/** Services from the adapters that a configuration names, for work without a network. */
export function offlineServices(source: Parameters<typeof buildContainer>[0]): Promise<NodeHostServices> {
  return buildContainer(source, { overrides: withoutTransport(quiet) });
}

interface Found {
  services: NodeHostServices;
  status: DataDirStatus;
}

function noData(dir: string): ErrDirNotExist {
  return new ErrDirNotExist(`there is no data of a NodeHost in ${dir}; is the path right?`, {
    details: { dir },
  });
}

async function findByConfig(file: string): Promise<Found> {
  const services = await offlineServices(file);
  const { config, fileSystem } = services;
  const { main } = await readAndCheck(fileSystem, config, identityOf(services));
  if (main === undefined) throw noData(config.nodeHostDir);
  return { services, status: main };
}

/** Without a configuration the directory's own record says what would stand in it. */
async function findByDir(dir: string, { walDir, logdb }: DataDirOptions): Promise<Found> {
  const root = resolve(dir);
  const status = await readStatus(new NodeFileSystem(), root);
  if (status === undefined) throw noData(root);
  if (status.separateWal !== (walDir !== undefined)) {
    throw new ErrInvalidOption(
      status.separateWal
        ? `${root} belongs to a host with a walDir of its own: name it with --wal-dir`
        : `${root} belongs to a host without a walDir of its own: leave out --wal-dir`,
    );
  }
  const services = await offlineServices({
    raftAddress: status.address,
    nodeHostDir: root,
    ...(walDir === undefined ? {} : { walDir: resolve(walDir) }),
    deploymentId: status.deploymentId,
    logdb: { module: logdb ?? status.logdb },
  });
  if (services.logDBName !== status.logdb) {
    throw new ErrLogDBType(
      `${root} was written by the LogDB '${status.logdb}', but --logdb names '${services.logDBName}'`,
    );
  }
  // The hash of the hard settings can't be told back to them, so it is not compared.
  const host = { ...identityOf(services), hardHash: status.hardHash };
  const { main } = await readAndCheck(services.fileSystem, services.config, host);
  if (main === undefined) throw noData(root);
  return { services, status: main };
}

async function find(options: DataDirOptions): Promise<Found> {
  const { config, dir, logdb, walDir } = options;
  if ((config === undefined) === (dir === undefined)) {
    throw new ErrInvalidOption('name the data with either --config FILE or --dir DIR');
  }
  if (config === undefined) return findByDir(dir ?? '', options);
  if (logdb !== undefined || walDir !== undefined) {
    throw new ErrInvalidOption('--logdb and --wal-dir go with --dir; with --config the file says it');
  }
  return findByConfig(config);
}

/** A LogDB makes what it does not find; here that would hide what is lost. */
async function requireFolders({ services }: Found, layout: DataDirLayout): Promise<void> {
  for (const dir of new Set([layout.logdbDir, layout.walDir])) {
    const names = (await services.fileSystem.stat(dir)) && (await services.fileSystem.readDir(dir));
    if (names !== undefined && names.length > 0) continue;
    throw new ErrDataDirCorrupt(
      `${dir}, where the log should be, is ${names === undefined ? 'missing' : 'empty'}: the host was never fully started, or its log is lost`,
      { details: { dir } },
    );
  }
}

interface Opening {
  lock: HeldLock;
  seal: SuspendedSeal;
  /** What is opened in place of a LogDB that can't be written to. */
  copy: LogDBCopy | undefined;
}

async function openLogDB({ services }: Found, layout: DataDirLayout, copy?: LogDBCopy): Promise<ILogDB> {
  const { dir, walDir } = copy ?? { dir: layout.logdbDir, walDir: layout.walDir };
  try {
    return await services.logDBFactory({ dir, walDir });
  } catch (error) {
    throw copy === undefined ? error : copy.inOriginal(error);
  }
}

async function openLocked(found: Found, { lock, seal, copy }: Opening): Promise<OpenedData> {
  const { services, status } = found;
  const { clock, random, fileSystem, loggerFactory } = services;
  const layout = layoutOf(services.config, status.generation);
  const logDB = await openLogDB(found, layout, copy);
  const close = async (): Promise<void> => {
    try {
      await logDB.close();
      await seal.resume();
    } finally {
      await copy?.remove();
      await lock.release();
    }
  };
  let closing: Promise<void> | undefined;
  return {
    status,
    layout,
    services,
    logDB,
    seal,
    isReadOnly: copy !== undefined,
    snapshotStore: (clusterID, nodeID) =>
      new SnapshotStore({
        dir: layout.snapshotDir(clusterID, nodeID),
        clusterID,
        fileSystem,
        clock,
        random,
        logger: loggerFactory.getLogger('nodehost'),
      }),
    close: () => (closing ??= close()),
  };
}

/** Anyone who asks this of a host that runs should learn what to ask instead. */
function withAdvice(error: unknown): unknown {
  if (!hasErrorCode(error, 'ERR_LOCK_DIRECTORY') || !isDrakkarError(error)) return error;
  return new ErrLockDirectory(
    `${error.message}. Stop the host first; while it runs, getNodeHostInfo() in its program shows its replicas, and exportSnapshot() exports one`,
    { cause: error, details: error.details },
  );
}

/** Nothing is locked where nothing can be written; that nobody has it is all that can be said. */
async function lockOf(
  output: Output,
  { directoryLock, config }: NodeHostServices,
  isReadOnly: boolean,
): Promise<HeldLock> {
  const locked = [...new Set([config.nodeHostDir, config.walDir])];
  try {
    if (!isReadOnly) {
      const { nodeHostDir } = config;
      return await lockForCommand(directoryLock, { locked, nodeHostDir }, (text) => output.warn(text));
    }
    for (const root of locked) await refuseIfLocked(root);
    return { release: () => Promise.resolve() };
  } catch (error) {
    throw withAdvice(error);
  }
}

/**
 * Opens the data directory of a host that is stopped. Makes no folder, and writes none of its data. If it is sealed,
 * every file is compared with the seal before. One that can't be written to is left as it is, to the last byte: its
 * LogDB is read from a copy.
 *
 * @throws ErrLockDirectory while a host has it; ErrDirNotExist, ErrDataDirCorrupt, ErrInvalidOption, and as
 *   `buildContainer`, `openDataDir` and the LogDB
 */
async function openData(output: Output, options: DataDirOptions): Promise<OpenedData> {
  const found = await find(options);
  const { services, status } = found;
  const { config, fileSystem } = services;
  const layout = layoutOf(config, status.generation);
  const { nodeHostDir, walDir } = config;
  const unwritable = await findUnwritable([nodeHostDir, walDir, layout.logdbDir, layout.walDir]);
  const isReadOnly = unwritable !== undefined;
  const ignoreSeal = options.ignoreSeal === true;
  if (!ignoreSeal) await checkLockFiles(config);
  const lock = await lockOf(output, services, isReadOnly);
  let seal: SuspendedSeal | undefined;
  let copy: LogDBCopy | undefined;
  try {
    seal = await SuspendedSeal.suspend(
      fileSystem,
      config,
      { ignoreSeal, isReadOnly },
      (doneBytes, totalBytes) =>
        output.progress(`comparing files with the seal: ${doneBytes} of ${totalBytes} bytes`),
    );
    await requireFolders(found, layout);
    if (isReadOnly) {
      output.warn(
        `${unwritable} can't be written to: the LogDB is read from a copy, and a host that starts meanwhile is not kept off`,
      );
      copy = await copyForReading(output, layout);
    }
    return await openLocked(found, { lock, seal, copy });
  } catch (error) {
    await copy?.remove();
    await seal?.resume().catch(() => undefined); // the first error is the one to be told
    await lock.release();
    throw error;
  }
}

/** Opens the data directory for as long as `use` takes. */
export async function withData<T>(
  output: Output,
  options: DataDirOptions,
  use: (data: OpenedData) => Promise<T>,
): Promise<T> {
  const { signals } = output;
  const onStop = (): void =>
    output.warn(
      `ends because of ${signals.reason}, and leaves the data as it was; another signal ends it at once, and the seal is lost then`,
    );
  signals.stop.addEventListener('abort', onStop, { once: true });
  try {
    const data = await openData(output, options);
    try {
      return await use(data);
    } finally {
      await data.close();
    }
  } finally {
    signals.stop.removeEventListener('abort', onStop);
  }
}

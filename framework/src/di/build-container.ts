import { Container, type ContainerModule } from 'inversify';
import {
  type AnyAdapterModule,
  type LogDBFactory,
  LogDBFactoryID,
  type RaftRPCFactory,
  RaftRPCFactoryID,
} from '@drakkar/raftio';
import { invalidConfig } from '../config/findings.js';
import {
  ADAPTER_SECTIONS,
  type AdapterSection,
  type CheckedNodeHostConfig,
  type LoadedNodeHostConfig,
  acceptNodeHostConfig,
  checkNodeHostConfig,
  subjectOf,
} from '../config/load.js';
import type { NodeHostConfig, NodeHostConfigInput } from '../config/node-host-config.js';
import { clonePlain, isPlainObject } from '../config/plain.js';
import { objectSource } from '../config/source.js';
import { DirectoryLockID, type IDirectoryLock } from '../datadir/directory-lock.js';
import { SocketDirectoryLock } from '../datadir/socket-lock.js';
import { type ConfigProblem, ErrInvalidModule } from '../errors/host.js';
import { FileSystemID, type IFileSystem } from '../fs/file-system.js';
import { NodeFileSystem } from '../fs/node-file-system.js';
import { type ILoggerFactory, LoggerFactoryID } from '../logging/logger.js';
import { GuardedLoggerFactory } from '../logging/guarded-logger.js';
import { PinoLoggerFactory } from '../logging/pino-logger.js';
import { ClockID, type IClock, SystemClock } from '../runtime/clock.js';
import { type IRandom, RandomID, SystemRandom } from '../runtime/random.js';
import { type Adapters, loadAdapters } from './adapters.js';
import { type ModuleLoader, nodeModuleLoader } from './load-adapter.js';
import { messageOf } from '../errors/inspect.js';

/**
 * Binds services of the user's own; what it binds goes before the framework's defaults. When it binds LogDBFactoryID
 * or RaftRPCFactoryID, the adapter that the configuration names is not loaded at all.
 */
export type Overrides = ContainerModule | ((container: Container) => void);

export interface BuildOptions {
  overrides?: Overrides;
  /** Folder that relative paths of a configuration given in code are resolved against; the current one by default. */
  baseDir?: string;
  /** How adapter modules are found; for tests. */
  moduleLoader?: ModuleLoader;
}

/** Name of a LogDB or transport that was bound by an override, and so has no adapter module. */
const OVERRIDDEN_ADAPTER_NAME = 'custom';

/** Everything that a NodeHost is made of; nothing else in the framework knows of the container. */
export interface NodeHostServices {
  readonly config: NodeHostConfig;
  /** Where the configuration came from. */
  readonly configSource: string;
  readonly configWarnings: readonly ConfigProblem[];
  readonly clock: IClock;
  readonly random: IRandom;
  readonly fileSystem: IFileSystem;
  readonly directoryLock: IDirectoryLock;
  readonly loggerFactory: ILoggerFactory;
  readonly logDBFactory: LogDBFactory;
  /** Name of the LogDB's adapter, `custom` for one bound by an override. */
  readonly logDBName: string;
  readonly raftRPCFactory: RaftRPCFactory;
  readonly transportName: string;
  /** The adapter modules in use; absent where an override has bound the factory. */
  readonly adapters: Readonly<Adapters>;
  /** Any other service that an override or an adapter has bound; `undefined` when there is none. */
  get<T>(id: symbol): T | undefined;
}

const FACTORY_IDS: Readonly<Record<AdapterSection, symbol>> = {
  logdb: LogDBFactoryID,
  transport: RaftRPCFactoryID,
};

function applyOverrides(container: Container, overrides: Overrides | undefined): void {
  if (overrides === undefined) return;
  if (typeof overrides === 'function') overrides(container);
  else container.load(overrides);
}

function bindDefault<T>(container: Container, id: symbol, make: () => T): void {
  if (!container.isBound(id)) container.bind<T>(id).toConstantValue(make());
}

/** A configuration loaded earlier, with copies of what the adapters' schemas fill defaults into. */
function reopen(loaded: LoadedNodeHostConfig): CheckedNodeHostConfig {
  const draft: Record<string, unknown> = { ...loaded.config };
  for (const section of ADAPTER_SECTIONS) {
    const { module, options } = loaded.config[section];
    draft[section] = { module, options: clonePlain(options, true) };
  }
  const source = { ...objectSource(loaded.config, loaded.baseDir), name: loaded.source };
  return { draft, source, problems: [], warnings: loaded.warnings };
}

const isLoaded = (input: NodeHostConfigInput | LoadedNodeHostConfig): input is LoadedNodeHostConfig =>
  isPlainObject(input) && 'config' in input && 'baseDir' in input;

function loadAdapterModule(
  container: Container,
  section: AdapterSection,
  adapter: AnyAdapterModule,
  config: NodeHostConfig,
): void {
  const fail = (what: string, cause?: unknown): never => {
    throw new ErrInvalidModule(`${section}.module: the ${section} '${adapter.name}' ${what}`, { cause });
  };
  const attempt = <T>(setUp: () => T): T => {
    try {
      return setUp();
    } catch (error) {
      return fail(`could not be set up: ${messageOf(error)}`, error);
    }
  };
  const id = FACTORY_IDS[section];
  const { options } = config[section];
  if ('create' in adapter) {
    const factory: unknown = attempt(() => adapter.create(options));
    if (typeof factory !== 'function')
      fail('has created no factory: what `create` returns must be a function');
    container.bind(id).toConstantValue(factory);
  } else {
    attempt(() => container.load(adapter.createModule(options) as ContainerModule));
    if (!container.isBound(id)) fail(`binds nothing to ${id.description}`);
  }
}

function getFactory<T>(container: Container, section: AdapterSection): T {
  const factory: unknown = container.get(FACTORY_IDS[section]);
  if (typeof factory === 'function') return factory as T;
  throw new ErrInvalidModule(
    `${section}.module: what is bound to ${FACTORY_IDS[section].description} is not a function`,
  );
}

async function check(
  input: string | NodeHostConfigInput | LoadedNodeHostConfig,
  fileSystem: IFileSystem,
  baseDir: string | undefined,
): Promise<CheckedNodeHostConfig> {
  if (typeof input !== 'string' && isLoaded(input)) return reopen(input);
  return checkNodeHostConfig(input, baseDir === undefined ? { fileSystem } : { fileSystem, baseDir });
}

/**
 * The composition root: reads the configuration (path of a file, object, or one already loaded), loads the adapters
 * that it names, and puts everything together. Nothing is opened, started or written.
 *
 * Throws ErrInvalidConfig with every mistake at once, those of adapter options included; ErrModuleNotFound or
 * ErrInvalidModule when an adapter that can't be used is the one mistake.
 */
export async function buildContainer(
  input: string | NodeHostConfigInput | LoadedNodeHostConfig,
  options: BuildOptions = {},
): Promise<NodeHostServices> {
  const container = new Container();
  applyOverrides(container, options.overrides);
  bindDefault(container, FileSystemID, () => new NodeFileSystem());
  const checked = await check(input, container.get<IFileSystem>(FileSystemID), options.baseDir);
  const sections = ADAPTER_SECTIONS.filter((section) => !container.isBound(FACTORY_IDS[section]));
  const loaded = await loadAdapters(checked, sections, options.moduleLoader ?? nodeModuleLoader);
  const problems = [...checked.problems, ...loaded.problems];
  const [moduleError] = loaded.moduleErrors;
  if (problems.length === 1 && moduleError !== undefined) throw moduleError;
  if (problems.length > 0) throw invalidConfig(subjectOf(checked.source), problems);
  const { config, source, warnings } = acceptNodeHostConfig(checked);
  for (const section of sections) {
    const adapter = loaded.adapters[section];
    if (adapter !== undefined) loadAdapterModule(container, section, adapter, config);
  }
  bindDefault(container, ClockID, () => new SystemClock());
  bindDefault(container, RandomID, () => new SystemRandom());
  bindDefault(container, LoggerFactoryID, () => new PinoLoggerFactory(config.log));
  bindDefault(container, DirectoryLockID, () => new SocketDirectoryLock());
  return {
    config,
    configSource: source,
    configWarnings: warnings,
    clock: container.get<IClock>(ClockID),
    random: container.get<IRandom>(RandomID),
    fileSystem: container.get<IFileSystem>(FileSystemID),
    directoryLock: container.get<IDirectoryLock>(DirectoryLockID),
    loggerFactory: new GuardedLoggerFactory(container.get<ILoggerFactory>(LoggerFactoryID)),
    logDBFactory: getFactory<LogDBFactory>(container, 'logdb'),
    logDBName: loaded.adapters.logdb?.name ?? OVERRIDDEN_ADAPTER_NAME,
    raftRPCFactory: getFactory<RaftRPCFactory>(container, 'transport'),
    transportName: loaded.adapters.transport?.name ?? OVERRIDDEN_ADAPTER_NAME,
    adapters: Object.freeze(loaded.adapters),
    get: <T>(id: symbol) => (container.isBound(id) ? container.get<T>(id) : undefined),
  };
}

import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  AdapterModule,
  LogDBFactory,
  LogDBModule,
  RaftRPCFactory,
  RaftRPCModule,
} from '@drakkar/raftio';
import type { LogDBHarness, LogDBPlace } from '../logdb/harness.js';
import { type RPCHarness, type RPCSite, SEND_BUFFER_BYTES } from '../rpc/harness.js';
import { describeError } from '../suite/assert.js';
import { type Carrier, NetworkLink } from '../rpc/network.js';
import { writeTestCertificates } from '../tls/certificates.js';
import { crashInChild, failWritesInChild, openInChild, traceInChild } from './child-process.js';
import { loadAdapterModule } from './load.js';
import { damageContent, openFiles } from './place-files.js';
import { readSyncTrace } from './sync-trace.js';
import { spawnPeer } from './peer-process.js';

const BLOCK_BYTES = 512;

/** Space that a folder takes up on disk; holes in files do not count. */
async function usedBytes(folder: string): Promise<number> {
  let used = 0;
  for (const each of await readdir(folder, { recursive: true })) {
    const { blocks, size } = await stat(join(folder, each));
    used += process.platform === 'win32' ? size : blocks * BLOCK_BYTES;
  }
  return used;
}

async function logDBPlace(
  module: string,
  factory: LogDBFactory,
  options: Readonly<Record<string, unknown>>,
): Promise<LogDBPlace> {
  const root = await mkdtemp(join(tmpdir(), 'drakkar-conformance-'));
  const config = { dir: join(root, 'db'), walDir: join(root, 'wal') };
  await mkdir(config.dir);
  await mkdir(config.walDir);
  const task = { module, options, ...config };
  return {
    open: () => factory(config),
    openElsewhere: () => openInChild(task),
    crash: (plan) => crashInChild(task, plan),
    // Limits on the size of files, by which writes are made to fail, are a thing of POSIX.
    ...(process.platform === 'win32' ? {} : { failWrites: (plan) => failWritesInChild(task, plan) }),
    watchSyncs: async (plan) => readSyncTrace(await traceInChild(task, plan), root),
    damage: (content, at) => damageContent(root, content, at),
    openFiles: () => openFiles(root),
    usedBytes: () => usedBytes(root),
    teardown: () => rm(root, { recursive: true, force: true }),
  };
}

/**
 * Below the range from which systems take the ports of outgoing connections, and those of programs that ask for any: of one that
 * was found free, and of one whose host is stopped for a moment, nobody else must get hold.
 */
const LOWEST_PORT = 9000;
const PORT_COUNT = 3000;

let nextPort = randomInt(PORT_COUNT);

/** A port of 127.0.0.1 that is free for TCP and for UDP; another one each time. */
export async function freeAddress(): Promise<string> {
  for (let tries = 0; tries < PORT_COUNT; tries++) {
    const port = LOWEST_PORT + nextPort;
    nextPort = (nextPort + 1) % PORT_COUNT;
    const link = await NetworkLink.openAt('127.0.0.1:0', port);
    await link?.close();
    if (link !== undefined) return link.address;
  }
  throw new Error(`no port is free from ${LOWEST_PORT} to ${LOWEST_PORT + PORT_COUNT}`);
}

async function rpcSite(
  module: string,
  factory: RaftRPCFactory,
  options: Readonly<Record<string, unknown>>,
  withTLS: boolean,
): Promise<RPCSite> {
  const folder = await mkdtemp(join(tmpdir(), 'drakkar-conformance-'));
  return {
    create: factory,
    newAddress: freeAddress,
    spawn: async () => spawnPeer({ module, options, address: await freeAddress() }),
    ...(withTLS ? { tls: await writeTestCertificates(folder) } : {}),
    teardown: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface ModuleHarnessOptions {
  /** Options of the adapter, as a configuration would give them. */
  options?: Readonly<Record<string, unknown>>;
  /** Shown in reports; the module's own name unless told. */
  name?: string;
  knownGaps?: Readonly<Record<string, string>>;
  seed?: number;
  /** Whether hosts of a transport listen for TCP or for UDP; found out unless told. */
  carrier?: Carrier;
}

export type ModuleHarness =
  { kind: 'logdb'; harness: LogDBHarness } | { kind: 'transport'; harness: RPCHarness };

/**
 * The harness for any adapter package: loads it by package name or path and makes its factory through a container,
 * as a host does; LogDBs get temporary folders and are crashed in child processes, transports get free ports on
 * 127.0.0.1 and certificates.
 */
export async function harnessFromModule(
  specifier: string,
  options: ModuleHarnessOptions = {},
): Promise<ModuleHarness> {
  const adapter: AdapterModule = await loadAdapterModule(specifier);
  if (adapter.kind === 'logdb') {
    const harness = logDBHarness(specifier, adapter, options);
    return { kind: 'logdb', harness: { ...harness, ...(await availability(() => tryLogDB(harness))) } };
  }
  const harness = rpcHarness(specifier, adapter, options);
  return { kind: 'transport', harness: { ...harness, ...(await availability(() => tryRPC(harness))) } };
}

/**
 * How an adapter says that something it needs is not there. Any other failure is for the cases to find: a broken
 * adapter must not pass for one that is not installed.
 */
const NOT_INSTALLED = ['ERR_UNSUPPORTED', 'MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED'];

async function availability(attempt: () => Promise<void>): Promise<{ unavailable?: string }> {
  try {
    await attempt();
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (NOT_INSTALLED.some((each) => each === code)) return { unavailable: describeError(error) };
  }
  return {};
}

async function tryLogDB(harness: LogDBHarness): Promise<void> {
  const place = await harness.setup();
  try {
    await (await place.open()).close();
  } finally {
    await place.teardown();
  }
}

async function tryRPC(harness: RPCHarness): Promise<void> {
  const site = await harness.setup();
  const address = await site.newAddress();
  const sink = { addChunk: () => Promise.resolve(false), close: () => undefined };
  const config = {
    raftAddress: address,
    listenAddress: address,
    mutualTLS: undefined,
    sendBufferBytes: SEND_BUFFER_BYTES,
    onWarning: () => undefined,
  };
  const ignore = (): void => undefined;
  const rpc = site.create(config, ignore, () => sink);
  try {
    await rpc.start();
  } finally {
    await rpc.stop().finally(() => site.teardown());
  }
}

function common(
  { name }: AdapterModule,
  options: ModuleHarnessOptions,
): Pick<LogDBHarness, 'name' | 'knownGaps' | 'seed'> {
  return {
    name: options.name ?? name,
    ...(options.knownGaps === undefined ? {} : { knownGaps: options.knownGaps }),
    ...(options.seed === undefined ? {} : { seed: options.seed }),
  };
}

function logDBHarness(specifier: string, adapter: LogDBModule, options: ModuleHarnessOptions): LogDBHarness {
  const adapterOptions = options.options ?? {};
  const factory = adapter.create(adapterOptions);
  return {
    ...common(adapter, options),
    capabilities: adapter.capabilities,
    setup: () => logDBPlace(specifier, factory, adapterOptions),
  };
}

function rpcHarness(specifier: string, adapter: RaftRPCModule, options: ModuleHarnessOptions): RPCHarness {
  const adapterOptions = options.options ?? {};
  const factory = adapter.create(adapterOptions);
  return {
    ...common(adapter, options),
    ...(options.carrier === undefined ? {} : { carrier: options.carrier }),
    capabilities: adapter.capabilities,
    setup: () => rpcSite(specifier, factory, adapterOptions, adapter.capabilities.mutualTLS),
  };
}

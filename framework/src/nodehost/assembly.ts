import { type ILogDB, MessageType, type MutualTLSConfig, type RaftRPCConfig } from '@drakkar/raftio';
import type { NodeHostConfig, NodeHostConfigInput } from '../config/node-host-config.js';
import { type DataDir, openDataDir } from '../datadir/data-dir.js';
import { type NodeHostServices, type Overrides, buildContainer } from '../di/build-container.js';
import { checkAdapter } from '../di/check-adapter.js';
import { Engine, type EngineListener } from '../engine/engine.js';
import { WatchedLogDB } from '../engine/watched-logdb.js';
import { DamageLog } from '../transport/damage-log.js';
import { Transport, type TransportDependencies, type TransportHandler } from '../transport/transport.js';
import { DiskReserve, ReservingFileSystem } from '../fs/disk-reserve.js';
import type { IFileSystem } from '../fs/file-system.js';
import { LogDisk } from '../fs/log-disk.js';
import { adviceAfterFailedWrite, storageProblemOf } from '../fs/storage-problem.js';
import { EventHub } from '../events/event-hub.js';
import type { HostListener } from '../events/host-listener.js';
import { LimitedLogger } from '../logging/limited-logger.js';
import type { ILogger } from '../logging/logger.js';
import { MemoryBudget, type RaftFactory, RaftFactoryID, createRaft } from '../raft/index.js';
import { defaultMemoryBytes } from '../runtime/memory.js';
import { Operations, type SlowOperation, describeGroups } from '../runtime/operations.js';
import { Places } from '../runtime/places.js';
import { SnapshotStore } from '../snapshot/index.js';
import { hasReplica } from './bootstrap.js';
import { CertificateWatch } from './certificate-watch.js';
import { unlessClosed } from './closed.js';
import { Compactions } from './compactions.js';
import { reload } from './reload.js';
import { ReplicaLoader } from './replica-loader.js';
import { ReplicaSet } from './replica-set.js';
import { Shutdown } from './shutdown.js';
import { SnapshotStreams } from './snapshot-streams.js';
import { warnAtStart } from './start-warnings.js';
import { StopSeal } from './stop-seal.js';
import { watchStorage } from './watch-storage.js';

export type NodeHostConfigSource = string | NodeHostConfigInput;

export interface CreateOptions {
  /** Rebinds services of the host: clock, random source, file system, logger, LogDB, RaftRPC. */
  overrides?: Overrides;
  /** Hears what happens on the host. */
  events?: HostListener;
}

/** What a NodeHost is made of. */
export interface HostParts {
  config: NodeHostConfig;
  services: NodeHostServices;
  logDB: ILogDB;
  transport: Transport;
  replicas: ReplicaSet;
  compactions: Compactions;
  events: EventHub;
  log: ILogger;
  /** Whether the LogDB has data of that node. */
  hasReplica(clusterID: number, nodeID: number): Promise<boolean>;
  /** Reads again what may change while the host runs. */
  reload(): Promise<void>;
  /** Releases everything, in the reverse order of how it was made; then throws the first error that came up. */
  stop(): Promise<void>;
}

/** Makes the parts of a host from its configuration; releases them again if one of them can't be made. */
export async function assembleHost(source: NodeHostConfigSource, options: CreateOptions): Promise<HostParts> {
  const services = await buildContainer(source, options);
  const { config } = services;
  const { clock } = services;
  const log = services.loggerFactory.getLogger('nodehost');
  const { stopTimeoutMs, sealTimeoutMs } = config.settings;
  const events = new EventHub(options.events ?? {}, clock, log);
  const operations = new Operations(clock, (slow) => reportSlow(slow, events, log));
  const stopSeal = new StopSeal(services);
  const shutdown = new Shutdown({
    timeoutMs: stopTimeoutMs,
    sealTimeoutMs,
    clock,
    operations,
    log,
    onFailure: () => stopSeal.forbid(),
  });
  try {
    const dataDir = await openDataDir(services);
    shutdown.push('releasing the data directory', () => dataDir.close());
    const noGroups = (): number[] => [];
    const opened = await operations.watch('opening the LogDB', noGroups, () =>
      services.logDBFactory({ dir: dataDir.logdbDir, walDir: dataDir.walDir }),
    );
    const logDB = new WatchedLogDB(checkAdapter('LogDB', opened), operations);
    // Only now: the data is sound as far as the LogDB, which is open, can tell.
    shutdown.pushSeal(() => stopSeal.seal());
    let engineSaves = Promise.resolve();
    shutdown.push('closing the LogDB', async () => {
      await engineSaves;
      await logDB.close();
    });
    shutdown.push('events', () => Promise.resolve(events.flush()));
    const reserve = new DiskReserve({
      fileSystem: services.fileSystem,
      dir: config.nodeHostDir,
      reserveBytes: config.settings.diskReserveBytes,
    });
    const snapshotFiles = new ReservingFileSystem(services.fileSystem, reserve);
    const { maxHostMemoryBytes } = config.settings;
    const memory = new MemoryBudget(maxHostMemoryBytes === 0 ? defaultMemoryBytes() : maxHostMemoryBytes);
    const disk = new LogDisk({
      fileSystem: services.fileSystem,
      dirs: [dataDir.logdbDir, dataDir.walDir],
      reserveBytes: config.settings.diskReserveBytes,
      clock,
    });
    const parts = {
      disk,
      services,
      logDB,
      dataDir,
      events,
      stopSeal,
      operations,
      reserve,
      memory,
      snapshotFiles,
    };
    const { transport, engine, replicas, streams } = wire(parts);
    shutdown.pushBounded('stopping the transport', 0.1, () => transport.stop());
    shutdown.pushBounded('stopping snapshot streams', 0.05, () => streams.stop());
    await operations.watch('starting the transport', noGroups, () => transport.start());
    engine.start();
    shutdown.pushBounded('stopping the engine', 0.05, () => {
      engineSaves = engine.saved();
      return engine.stop();
    });
    const watch = await watchStorage(services, dataDir, { operations, events, log, engine });
    shutdown.push('stopping the watch of the data directory', () => Promise.resolve(watch.stop()));
    // In the very turn in which a stop is asked for: a slow state machine gets no further entry.
    shutdown.push('stopping replicas', () => replicas.stopAll(stopTimeoutMs * REPLICAS_SHARE));
    warnAtStart(services, dataDir, events, log);
    log.info('NodeHost started', {
      raftAddress: config.raftAddress,
      nodeHostDir: config.nodeHostDir,
      logdb: logDB.name,
      transport: transport.name,
    });
    const certificates = await watchCertificates(services, events, log, shutdown);
    const compactions = new Compactions({ logDB, replicas });
    const file = typeof source === 'string' ? source : undefined;
    const reloadAll = (): Promise<void> => reload({ file, services, transport, certificates, log });
    const stop = (): Promise<void> => shutdown.run();
    return {
      config,
      services,
      logDB,
      transport,
      replicas,
      compactions,
      events,
      log,
      hasReplica: (clusterID, nodeID) => unlessClosed(hasReplica(logDB, clusterID, nodeID)),
      reload: reloadAll,
      stop,
    };
  } catch (error) {
    await shutdown.run().catch(() => undefined); // the first error is the one to be told
    throw error;
  }
}

/** Of the time that a stop may take, what replicas have. */
const REPLICAS_SHARE = 0.75;

/** With mutual TLS, until the host stops. */
async function watchCertificates(
  { config, fileSystem, clock }: NodeHostServices,
  events: EventHub,
  log: ILogger,
  shutdown: Shutdown,
): Promise<CertificateWatch | undefined> {
  const files = mutualTLSOf(config);
  if (files === undefined) return undefined;
  const watch = new CertificateWatch({ files, fileSystem, clock, events, log });
  shutdown.push('watching certificates', () => Promise.resolve(watch.stop()));
  await watch.start();
  return watch;
}

function reportSlow(slow: SlowOperation, events: EventHub, log: ILogger): void {
  const { name: operation, clusterIDs, elapsedMs: durationMs, hasEnded, leftOut } = slow;
  const fields = { operation, groups: describeGroups(clusterIDs), durationMs, leftOut };
  if (hasEnded) log.info('a slow operation has ended', fields);
  else log.warn('an operation is slow', fields);
  events.emit('slowOperation', { operation, clusterIDs, durationMs, hasEnded });
}

/** What mutual TLS is made of, when it is on. */
function mutualTLSOf(config: NodeHostConfig): MutualTLSConfig | undefined {
  const { mutualTls, caFile, certFile, keyFile, crlFile, allowedPeers } = config;
  if (!mutualTls || caFile === undefined || certFile === undefined || keyFile === undefined) return undefined;
  return { caFile, certFile, keyFile, crlFile, allowedPeers };
}

/** The transport's factory with this host's configuration filled in. */
function rpcCreator(
  config: NodeHostConfig,
  services: NodeHostServices,
  events: EventHub,
): TransportDependencies['createRPC'] {
  const log = new LimitedLogger(services.loggerFactory.getLogger('transport'), services.clock);
  const damageLog = new DamageLog(events, services.clock, log);
  const rpcConfig: RaftRPCConfig = {
    raftAddress: config.raftAddress,
    listenAddress: config.listenAddress,
    mutualTLS: mutualTLSOf(config),
    sendBufferBytes: config.settings.connectionBufferBytes,
    onWarning: (message, details) => log.warn(message, details),
    onInfo: (message, details) => log.info(message, details),
    onDamage: (damage) => damageLog.notice(damage),
    deploymentID: config.deploymentId,
  };
  return (requestHandler, sinkFactory, onArriving, isMember) =>
    checkAdapter(
      'transport',
      services.raftRPCFactory({ ...rpcConfig, onArriving, isMember }, requestHandler, sinkFactory),
    );
}

interface WiringParts {
  services: NodeHostServices;
  logDB: ILogDB;
  dataDir: DataDir;
  events: EventHub;
  stopSeal: StopSeal;
  operations: Operations;
  reserve: DiskReserve;
  memory: MemoryBudget;
  disk: LogDisk;
  /** The file system that snapshots are written to. */
  snapshotFiles: IFileSystem;
}

interface Wired {
  transport: Transport;
  engine: Engine;
  replicas: ReplicaSet;
  streams: SnapshotStreams;
}

/** Ties transport, engine and replicas together: messages in, messages out, news. */
function wire(parts: WiringParts): Wired {
  const { services, logDB, events, stopSeal, operations, reserve, memory, disk, snapshotFiles } = parts;
  const { config, clock, random, loggerFactory } = services;
  const { settings } = config;
  const heardOf = (target: string): void =>
    engine.hostReachable((clusterID, nodeID) => transport.registry.livesAt(clusterID, nodeID, target));
  const handler: TransportHandler = {
    onMessage: (message, source, isDragonboat) => {
      if (message.type === MessageType.SnapshotReceived) streams.confirmed(message);
      const replica = replicas.find(message.clusterID, message.to);
      if (!isDragonboat || replica?.checks?.admitsDragonboat(message, source) !== false)
        replica?.receive(message, source);
      return replica !== undefined;
    },
    onArriving: ({ clusterID, to, from, term }) => replicas.find(clusterID, to)?.arriving(from, term),
    addressInLog: ({ clusterID, from, to }) => replicas.find(clusterID, to)?.raft.addressInLog(from),
    onInstallSnapshot: (message) => streams.send(message),
    onUnreachable: ({ clusterID, from, to, term }) => replicas.find(clusterID, from)?.unreachable(to, term),
    onProposalUndelivered: ({ clusterID, from, entries }) =>
      replicas.find(clusterID, from)?.undelivered(entries),
    onConnectionChanged: (target, up, reason) => {
      const log = loggerFactory.getLogger('transport');
      if (up) {
        heardOf(target);
        log.info('connected', { target });
        events.emit('connectionEstablished', { address: target });
      } else {
        log.warn('not connected', { target, err: reason });
        events.emit('connectionFailed', { address: target, error: reason });
      }
    },
    onHeardAgain: (target) => heardOf(target),
  };
  const transport: Transport = new Transport(
    {
      raftAddress: config.raftAddress,
      deploymentID: config.deploymentId,
      connectTimeoutMs: settings.connectTimeoutMs,
      reconnectBackoffMinMs: settings.breakerMinBackoffMs,
      reconnectBackoffMaxMs: settings.breakerMaxBackoffMs,
      sendQueueBytes: config.maxSendQueueSize,
      maxBatchBytes: settings.maxBatchBytes,
      identities: mutualTLSOf(config),
    },
    {
      createRPC: rpcCreator(config, services, events),
      handler,
      createSink: (isSender) => streams.createSink(isSender),
      clock,
      random,
      logger: loggerFactory.getLogger('transport'),
    },
  );
  const nodehostLog = loggerFactory.getLogger('nodehost');
  const listener: EngineListener = {
    onLeaderChanged: (replica, leaderID, term) => {
      const { clusterID, nodeID } = replica;
      nodehostLog.info('leader changed', { clusterID, nodeID, leaderID, term });
      replicas.leaderChanged(replica, leaderID, term);
    },
    onReport: (replica, report) => replicas.reported(replica, report),
    onMembershipChanged: (replica, membership) => {
      streams.callOff(replica.clusterID, membership.removed.keys());
      replicas.membershipChanged(replica, membership);
    },
    onLevelRaised: ({ clusterID, nodeID }, level) => {
      nodehostLog.info('the feature level of a group was raised', { clusterID, nodeID, level });
      events.emit('levelRaised', { clusterID, nodeID, level });
    },
    onSettingsChanged: ({ clusterID, nodeID }, settings) => {
      nodehostLog.info('settings of a group were changed', { clusterID, nodeID, settings });
      events.emit('groupSettingsChanged', { clusterID, nodeID, settings });
    },
    onMemberOutdated: ({ clusterID, nodeID, rsm: { level } }, memberID) => {
      nodehostLog.warn(
        "a member gets nothing, since its host does not announce the group's feature level: start a later release there",
        { clusterID, nodeID, memberID, level },
      );
      events.emit('memberOutdated', { clusterID, nodeID, memberID, level });
    },
    onLogStuck: ({ clusterID, nodeID }, isStuck) => {
      const fields = { clusterID, nodeID, disk: disk.description };
      if (isStuck)
        nodehostLog.warn(
          "a group takes no proposals here, since its log can't be compacted and would fill the disk: make room",
          fields,
        );
      else nodehostLog.info('there is room for the log again', fields);
      events.emit(isStuck ? 'logNoSpace' : 'logSpaceRegained', { clusterID, nodeID });
    },
    onReplicaFailed: (replica, error) => {
      const { clusterID, nodeID } = replica;
      nodehostLog.error('a replica has failed and was stopped', { clusterID, nodeID, err: error });
      replicas.fail(replica, error).catch((err: unknown) => {
        nodehostLog.warn('the state machine of a failed replica could not be closed', {
          clusterID,
          nodeID,
          err,
        });
      });
    },
    onLogDBFailed: (error) => {
      stopSeal.forbid();
      const problem = storageProblemOf(error);
      const advice = adviceAfterFailedWrite(problem);
      nodehostLog.error(`the LogDB has failed, nothing more is accepted: ${advice}`, { problem, err: error });
      events.emit('logDBFailed', { error, problem, advice });
    },
  };
  const engine: Engine = new Engine({
    logDB,
    sender: transport,
    listener,
    clock,
    logger: loggerFactory.getLogger('engine'),
    tickMs: config.rttMillisecond,
    memory,
    disk,
  });
  const replicas: ReplicaSet = new ReplicaSet({
    raftAddress: config.raftAddress,
    tickMs: config.rttMillisecond,
    logDB,
    engine,
    registry: transport.registry,
    clock,
    events,
    logger: nodehostLog,
    operations,
    stopTimeoutMs: settings.stopTimeoutMs,
    loader: makeLoader(parts, transport),
  });
  const streams: SnapshotStreams = new SnapshotStreams({
    deploymentID: config.deploymentId,
    settings,
    connect: (target, signal) => transport.connectSnapshot(target, signal),
    resolve: (clusterID, nodeID) => transport.registry.resolve(clusterID, nodeID),
    findReplica: (clusterID, nodeID) => replicas.find(clusterID, nodeID),
    mayHaveDragonboat: ({ isForDragonboat }) => isForDragonboat,
    featuresOf: (clusterID, nodeID) => transport.replicaFeatures(clusterID, nodeID),
    fileSystem: snapshotFiles,
    reserve,
    clock,
    events,
    logger: loggerFactory.getLogger('transport'),
  });
  return { transport, engine, replicas, streams };
}

function makeLoader(
  { services, logDB, dataDir, events, operations, reserve, memory, snapshotFiles }: WiringParts,
  transport: Transport,
): ReplicaLoader {
  const { config, clock, random, loggerFactory } = services;
  const { settings } = config;
  const logger = loggerFactory.getLogger('rsm');
  return new ReplicaLoader({
    logDB,
    random,
    createRaft: services.get<RaftFactory>(RaftFactoryID) ?? createRaft,
    limits: {
      proposalQueueBytes: settings.proposalQueueBytes,
      receiveQueueBytes: config.maxReceiveQueueSize,
      proposalCount: settings.maxPendingProposals,
      readQueueLength: settings.readIndexQueueLength,
    },
    softSettings: settings,
    maxSessionCount: config.hardSettings.lruMaxSessionCount,
    tickMs: config.rttMillisecond,
    snapshotStore: (clusterID, nodeID) =>
      new SnapshotStore({
        dir: dataDir.snapshotDir(clusterID, nodeID),
        clusterID,
        fileSystem: snapshotFiles,
        clock,
        random,
        logger,
      }),
    snapshotSlots: new Places({
      count: settings.snapshotWorkerCount,
      patienceMs: settings.snapshotWorkerPatienceMs,
      clock,
    }),
    events,
    operations,
    reserve,
    memory,
    clock,
    featuresOf: (clusterID, nodeID) => transport.replicaFeatures(clusterID, nodeID),
    hostFeaturesOf: (address) => transport.hostFeatures(address),
    onSnapshotDamaged: (clusterID, nodeID, { index }, error) => {
      logger.error('a snapshot is damaged, and is not used any more', {
        clusterID,
        nodeID,
        index,
        err: error,
      });
      events.emit('snapshotDamaged', { clusterID, nodeID, index, error });
    },
    logger,
  });
}

/**
 * One host of ours that does what it is told by lines of JSON: the protocol of README.md, which the other side of the
 * exercise answers, too. Ends when its standard input does.
 */
import { writeSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { NodeHost, Session } from '@drakkar/framework';
import { toUint64 } from '@drakkar/raftio';

const FNV_OFFSET = 14695981039346656037n;
const FNV_PRIME = 1099511628211n;
const DEFAULT_TIMEOUT_MS = 5000;
const LEADER_TIMEOUT_MS = 15_000;

/** What both languages keep: a count of the commands, and a hash of them. */
class ExerciseMachine {
  recovered = 0;
  files = [];
  #count = 0;
  #hash = FNV_OFFSET;
  #dir;
  #blobBytes;
  #fileBytes;

  constructor({ dir, blobBytes = 0, fileBytes = [] }) {
    this.#dir = dir;
    this.#blobBytes = blobBytes;
    this.#fileBytes = fileBytes;
  }

  update(cmd) {
    for (const byte of cmd) this.#hash = BigInt.asUintN(64, (this.#hash ^ BigInt(byte)) * FNV_PRIME);
    this.#count += 1;
    return this.#count;
  }

  lookup() {
    const state = Buffer.alloc(16);
    state.writeBigUInt64LE(BigInt(this.#count));
    state.writeBigUInt64LE(this.#hash, 8);
    return state;
  }

  async saveSnapshot(writer, files) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(this.#blobBytes);
    const count = this.#count;
    const blob = Uint8Array.from({ length: this.#blobBytes }, (_, i) => (i * 7 + count) & 255);
    const head = Buffer.concat([this.lookup(), length]);
    for (const [i, size] of this.#fileBytes.entries()) {
      const path = join(this.#dir, `ext-${i}-${count}`);
      await writeFile(
        path,
        Uint8Array.from({ length: size }, (_, at) => (at * 3 + i) & 255),
      );
      files.addFile(i + 1, path, Buffer.from(`meta${i}`));
    }
    await writer.write(head);
    await writer.write(blob);
  }

  async recoverFromSnapshot(reader, files) {
    const chunks = [];
    for await (const chunk of reader) chunks.push(chunk);
    const data = Buffer.concat(chunks);
    const count = Number(data.readBigUInt64LE());
    const blob = data.subarray(20);
    if (blob.length !== data.readUInt32LE(16))
      throw new Error('the snapshot has another length than it says');
    if (blob.some((byte, i) => byte !== ((i * 7 + count) & 255))) throw new Error('the snapshot is damaged');
    const found = [];
    for (const { fileID, filepath, metadata } of files) {
      const bytes = await readFile(filepath);
      if (bytes.some((byte, i) => byte !== ((i * 3 + fileID - 1) & 255)))
        throw new Error(`external file ${fileID} is damaged`);
      found.push(`${fileID}:${bytes.length}:${Buffer.from(metadata).toString()}`);
    }
    this.#count = count;
    this.#hash = data.readBigUInt64LE(8);
    this.recovered += 1;
    this.files = found;
  }

  close() {
    // Nothing is held.
  }

  getHash() {
    return toUint64(this.#hash);
  }
}

let host;
const machines = new Map();

function sessionOf({ groupID, session }) {
  if (session === undefined) return host.getNoOPSession(groupID);
  const field = (name) => toUint64(BigInt(session[name]));
  return Session.fromRecord({
    clusterID: groupID,
    clientID: field('clientID'),
    seriesID: field('seriesID'),
    respondedTo: field('respondedTo'),
  });
}

function stateIn(bytes) {
  const state = Buffer.from(bytes);
  return { count: String(state.readBigUInt64LE()), hash: String(state.readBigUInt64LE(8)) };
}

async function start(request) {
  const { groupID, nodeID, dir, join: isJoining = false, observer = false, initialMembers = {} } = request;
  host ??= await NodeHost.create({
    raftAddress: request.address,
    nodeHostDir: dir,
    rttMillisecond: request.rttMillisecond,
    deploymentId: request.deploymentID,
    ...(request.tls === undefined ? {} : { mutualTls: true, ...request.tls }),
    transport: request.transport === 'tcp' ? TCP : { module: 'grpc' },
  });
  const machine = new ExerciseMachine(request);
  machines.set(groupID, machine);
  const members = new Map(Object.entries(initialMembers).map(([id, address]) => [Number(id), address]));
  await host.startCluster(members, isJoining, () => machine, {
    clusterID: groupID,
    nodeID,
    isObserver: observer,
    electionRTT: request.electionRTT,
    heartbeatRTT: request.heartbeatRTT,
    snapshotEntries: request.snapshotEntries,
    compactionOverhead: request.compactionOverhead,
    checkQuorum: request.checkQuorum,
    quiesce: request.quiesce,
    orderedConfigChange: request.orderedConfigChange,
    ...(request.inMemLogBytes === undefined ? {} : { maxInMemLogSize: request.inMemLogBytes }),
    compatibility: request.compatibility ?? 'dragonboat-2.1',
  });
}

/** Go's framing; TCP is what Dragonboat speaks by default. */
const TCP = { module: 'tcp', options: { peers: 'dragonboat' } };

async function change(request, method) {
  const { groupID, nodeID, address, configChangeID = 0 } = request;
  const args = address === undefined ? [groupID, nodeID] : [groupID, nodeID, address];
  await host[method](...args, configChangeID, { timeoutMs: request.timeoutMs, force: true });
}

const operations = {
  start,
  stop: () => host?.stop(),
  stopGroup: ({ groupID }) => host.stopCluster(groupID),
  propose: async (request) => {
    const cmd = Buffer.from(request.cmd, 'hex');
    const result = await host.syncPropose(sessionOf(request), cmd, { timeoutMs: request.timeoutMs });
    return { result: String(result) };
  },
  newSession: async ({ groupID, timeoutMs }) => {
    const { clientID, seriesID, respondedTo } = await host.getNewSession(groupID, { timeoutMs });
    return {
      session: {
        clientID: String(clientID),
        seriesID: String(seriesID),
        respondedTo: String(respondedTo),
      },
    };
  },
  closeSession: (request) => host.closeSession(sessionOf(request), { timeoutMs: request.timeoutMs }),
  read: async ({ groupID, timeoutMs }) =>
    stateIn(await host.syncRead(groupID, new Uint8Array(0), { timeoutMs })),
  local: ({ groupID }) => {
    const machine = machines.get(groupID);
    return { ...stateIn(machine.lookup()), recovered: machine.recovered, files: machine.files };
  },
  leader: ({ groupID }) => ({ leaderID: host.getLeaderID(groupID).leaderID }),
  transfer: ({ groupID, nodeID }) => host.requestLeaderTransfer(groupID, nodeID),
  addNode: (request) => change(request, 'syncRequestAddNode'),
  addObserver: (request) => change(request, 'syncRequestAddObserver'),
  removeNode: (request) => change(request, 'syncRequestDeleteNode'),
  membership: async ({ groupID, timeoutMs }) => {
    const membership = await host.getClusterMembership(groupID, {
      timeoutMs: timeoutMs ?? LEADER_TIMEOUT_MS,
    });
    return {
      configChangeID: membership.configChangeIndex,
      nodes: Object.fromEntries(membership.nodes),
      observers: Object.fromEntries(membership.observers),
      removed: [...membership.removed].map(String),
    };
  },
};

async function answer(line) {
  const request = JSON.parse(line);
  const { id, op } = request;
  let answered;
  try {
    if (!Object.hasOwn(operations, op)) throw new Error(`unknown operation: ${op}`);
    const fields = await operations[op]({ ...request, timeoutMs: request.timeoutMs ?? DEFAULT_TIMEOUT_MS });
    answered = { id, ok: true, ...fields };
  } catch (error) {
    answered = { id, ok: false, error: `${error.code ?? 'error'}: ${error.message}` };
  }
  writeSync(1, `${JSON.stringify(answered)}\n`);
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => void answer(line));
lines.on('close', () => process.exit(0));

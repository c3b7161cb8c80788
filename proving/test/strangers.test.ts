import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { writeTestCertificates } from '@drakkar/conformance';
import { type IStateMachine, NodeHost, type SnapshotWriter, isTempError } from '@drakkar/framework';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePorts } from '../src/harness/plan.js';

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url));
const CLUSTER = 1;
const NODES = [1, 2, 3] as const;
const DEADLINE_MS = 60_000;

class Counter implements IStateMachine {
  #count = 0;
  update = (): number => (this.#count += 1);
  lookup = (): Uint8Array => Buffer.from(String(this.#count));
  saveSnapshot = (writer: SnapshotWriter): Promise<void> => writer.write(this.lookup());
  recoverFromSnapshot = async (reader: AsyncIterable<Uint8Array>): Promise<void> => {
    let text = '';
    for await (const chunk of reader) text += Buffer.from(chunk).toString();
    this.#count = Number(text);
  };
  close = (): void => {};
  getHash = (): number => this.#count;
}

/** There may be no leader yet. */
async function retrying<T>(request: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await request();
    } catch (error) {
      if (!isTempError(error) || performance.now() > deadline) throw error;
      await delay(20);
    }
  }
}

let dir: string;
let members: Map<number, string>;
const hosts = new Map<number, NodeHost>();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-strangers-'));
  const ports = await freePorts(NODES.length);
  members = new Map(NODES.map((nodeID, i) => [nodeID, `127.0.0.1:${ports[i]}`]));
});

afterEach(async () => {
  await stopAll();
  await rm(dir, { recursive: true, force: true });
});

/** A configuration file that names both adapters by their paths, seen from where the file lies. */
async function writeConfig(nodeID: number, tls: readonly string[]): Promise<string> {
  const file = join(dir, `node-${nodeID}.yaml`);
  const module = (name: string): string => relative(dir, join(EXAMPLES, name, 'dist/index.js'));
  const lines = [
    `raftAddress: ${members.get(nodeID)}`,
    `nodeHostDir: ./data-${nodeID}`,
    'rttMillisecond: 20',
    'log: { level: error }',
    `logdb: { module: ${module('logdb-sqlite')}, options: { cacheSizeBytes: 2097152 } }`,
    `transport: { module: ${module('transport-tcp')}, options: { deadPeerTimeoutMs: 20000 } }`,
    ...tls,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return file;
}

async function startAll(files: readonly string[]): Promise<NodeHost[]> {
  for (const [i, nodeID] of NODES.entries()) {
    const host = await NodeHost.create(files[i] ?? '');
    hosts.set(nodeID, host);
    const group = { clusterID: CLUSTER, nodeID, electionRTT: 20, heartbeatRTT: 2, snapshotEntries: 50 };
    await host.startCluster(members, false, () => new Counter(), group);
  }
  return [...hosts.values()];
}

async function stopAll(): Promise<void> {
  await Promise.all([...hosts.values()].map((host) => host.stop()));
  hosts.clear();
}

async function write(host: NodeHost, times: number): Promise<unknown> {
  const session = await retrying(() => host.getNewSession(CLUSTER));
  let last: unknown;
  for (let i = 0; i < times; i += 1) {
    last = await retrying(() => host.syncPropose(session, new Uint8Array()));
    session.proposalCompleted();
  }
  return last;
}

async function read(host: NodeHost): Promise<string> {
  return Buffer.from(await retrying(() => host.syncRead(CLUSTER, new Uint8Array()))).toString();
}

async function tlsLines(isOn: boolean): Promise<string[][]> {
  if (!isOn) return NODES.map(() => []);
  const { good } = await writeTestCertificates(dir);
  return NODES.map((_, i) => {
    const { caFile, certFile, keyFile } = good[i % 2] ?? good[0];
    return ['mutualTls: true', `caFile: ${caFile}`, `certFile: ${certFile}`, `keyFile: ${keyFile}`];
  });
}

describe('three NodeHosts on the LogDB and the transport of strangers', () => {
  it.each([false, true])(
    'write, read, and go on after a restart; mutual TLS: %s',
    async (isTLS) => {
      const tls = await tlsLines(isTLS);
      const files = await Promise.all(NODES.map((nodeID, i) => writeConfig(nodeID, tls[i] ?? [])));
      const [first, second, third] = (await startAll(files)) as [NodeHost, NodeHost, NodeHost];
      expect(await write(first, 60)).toBe(60);
      expect(await write(second, 10)).toBe(70);
      for (const host of [first, second, third]) expect(await read(host)).toBe('70');
      await stopAll();
      const again = await startAll(files);
      for (const host of again) expect(await read(host)).toBe('70');
      expect(await write(again[2] as NodeHost, 5)).toBe(75);
      expect(await read(again[0] as NodeHost)).toBe('75');
      const stored = await readdir(join(dir, 'data-1'), { recursive: true });
      const database = stored.find((name) => name.endsWith('log.db')) ?? '';
      const bytes = await readFile(join(dir, 'data-1', database));
      expect(bytes.subarray(0, 15).toString()).toBe('SQLite format 3');
    },
    180_000,
  );
});

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { HostProcess, freeAddress } from './peer.mjs';

const GROUP = 7;
const RETRY_MS = 200;
const PATIENCE_MS = 40_000;
const SETTINGS = {
  groupID: GROUP,
  deploymentID: 1,
  rttMillisecond: 50,
  electionRTT: 20,
  heartbeatRTT: 4,
  snapshotEntries: 0,
  compactionOverhead: 10,
  checkQuorum: true,
  quiesce: false,
  orderedConfigChange: false,
  blobBytes: 5000,
  fileBytes: [3000, 700],
};

/** Calls `attempt` until it does not fail, for a bounded time. */
export async function eventually(what, attempt, patienceMs = PATIENCE_MS) {
  const endMs = Date.now() + patienceMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > endMs) throw new Error(`${what}: ${error.message}`, { cause: error });
      await pause(RETRY_MS);
    }
  }
}

/** One group whose members are hosts of two kinds. */
export class MixedGroup {
  hosts = [];
  #commands;
  #dir;
  #settings;
  #nextID = 1;
  #written = 0;

  constructor({ commands, dir, settings = {}, transport }) {
    this.#commands = commands;
    this.#dir = dir;
    this.#settings = { ...SETTINGS, ...settings, transport };
  }

  /** Starts a host of each kind; with a group that can't work nobody leads. */
  async start(kinds, { works = true } = {}) {
    for (const kind of kinds) this.hosts.push(await this.#newHost(kind));
    const initialMembers = Object.fromEntries(this.hosts.map(({ nodeID, address }) => [nodeID, address]));
    this.initialMembers = initialMembers;
    await Promise.all(this.hosts.map((host) => this.run(host, { initialMembers })));
    if (works) await this.leader();
  }

  async #newHost(kind) {
    const nodeID = this.#nextID++;
    const address = await freeAddress();
    return new HostProcess({ kind, command: this.#commands[kind], nodeID, dir: this.#dir, address });
  }

  /** Starts the process and its replica; for a restart too. */
  async run(host, fields = {}) {
    await host.spawn();
    const { nodeID, address, dir } = host;
    await host.call('start', { ...this.#settings, nodeID, address, dir, ...fields });
  }

  async restart(host) {
    await this.run(host, { initialMembers: this.initialMembers[host.nodeID] ? this.initialMembers : {} });
  }

  get fileBytes() {
    return this.#settings.fileBytes;
  }

  get up() {
    return this.hosts.filter(({ isUp }) => isUp);
  }

  of(kind) {
    return this.up.filter((host) => host.kind === kind);
  }

  host(nodeID) {
    return this.hosts.find((host) => host.nodeID === nodeID);
  }

  call(host, op, fields = {}) {
    return host.call(op, { groupID: GROUP, ...fields });
  }

  /** The host of the leader that all who run agree on. */
  leader() {
    return eventually('a leader that all agree on', async () => {
      const said = await Promise.all(this.up.map((host) => this.call(host, 'leader')));
      const [first] = said;
      assert.ok(first.leaderID !== 0 && said.every(({ leaderID }) => leaderID === first.leaderID));
      const leader = this.host(first.leaderID);
      assert.ok(leader?.isUp, 'the leader is up');
      return leader;
    });
  }

  /** Has a voting member of that kind lead. */
  leadBy(kind, candidates = this.of(kind)) {
    return eventually(`a leader of kind ${kind}`, async () => {
      const leader = await this.leader();
      if (leader.kind === kind && candidates.includes(leader)) return leader;
      await this.call(leader, 'transfer', { nodeID: candidates[0].nodeID });
      await eventually(
        'the transfer',
        async () => assert.equal((await this.leader()).nodeID, candidates[0].nodeID),
        5000,
      );
      return candidates[0];
    });
  }

  /** One command through `host`, tried again with a session, so it is applied once. */
  async write(host, text = `command ${++this.#written}`) {
    const cmd = Buffer.from(text).toString('hex');
    const { session } = await eventually('a session', () => this.call(host, 'newSession'));
    const { result } = await eventually(`a write through ${host.name}`, () =>
      this.call(host, 'propose', { cmd, session }),
    );
    return result;
  }

  read(host) {
    return eventually(`a read from ${host.name}`, () => this.call(host, 'read'));
  }

  /** All who run come to one state; returns it. */
  agree(hosts = this.up) {
    return eventually('equal states', async () => {
      const states = await Promise.all(hosts.map((host) => this.call(host, 'read')));
      for (const state of states) {
        assert.equal(state.count, states[0].count);
        assert.equal(state.hash, states[0].hash);
      }
      return states[0];
    });
  }

  membership(host) {
    return eventually(`the membership at ${host.name}`, () => this.call(host, 'membership'));
  }

  async agreeOnMembers() {
    const picture = ({ nodes, observers, removed, configChangeID }) =>
      JSON.stringify([
        configChangeID,
        Object.entries(nodes).sort(),
        Object.entries(observers).sort(),
        [...removed].sort(),
      ]);
    return eventually('equal memberships', async () => {
      const all = await Promise.all(this.up.map((host) => this.call(host, 'membership')));
      for (const each of all) assert.equal(picture(each), picture(all[0]));
      return all[0];
    });
  }

  /** Asks `by` to add a node of that kind, and starts it there. */
  async add(kind, by, { observer }) {
    const host = await this.#newHost(kind);
    const { nodeID, address } = host;
    await this.change(by, observer ? 'addObserver' : 'addNode', { nodeID, address });
    this.hosts.push(host);
    await this.run(host, { join: true, observer });
    return host;
  }

  /** Done when the membership says so: the answer to the request itself may have been lost. */
  change(by, op, { nodeID, address }) {
    const isDone = async () => {
      const { nodes, observers } = await this.call(by, 'membership');
      if (op === 'addNode') return nodes[nodeID] !== undefined;
      if (op === 'addObserver') return observers[nodeID] !== undefined;
      return nodes[nodeID] === undefined && observers[nodeID] === undefined;
    };
    return eventually(`${op} ${nodeID}`, async () => {
      if (await isDone()) return;
      await this.call(by, op, { nodeID, ...(address === undefined ? {} : { address }) });
      assert.ok(await isDone(), 'the change is in force');
    });
  }

  async remove(host, by) {
    await this.change(by, 'removeNode', { nodeID: host.nodeID });
    await host.kill();
    this.hosts = this.hosts.filter((each) => each !== host);
  }

  async end() {
    await Promise.all(this.hosts.map((host) => host.kill()));
  }

  /** Processes that have ended and were not killed. */
  get fallen() {
    return this.hosts.filter(({ exit, expected }) => exit !== undefined && expected !== true);
  }
}

import { describe, expect, it } from '@jest/globals';
import type { ChaosHostHandle } from './cluster.js';
import type { Group } from './groups.js';
import { GroupRecorder } from './recorder.js';
import type { RelayState } from './relay.js';
import { ServiceWatch, type Watched } from './service-watch.js';

const STEP_MS = 250;
const HOST_IDS = [1, 2, 3];

interface Scene {
  watch: ServiceWatch;
  hosts: ChaosHostHandle[];
  way: (from: number, to: number) => RelayState;
  /** Hosts that report nothing. */
  silent: Set<number>;
  /** Looks at it, so long. */
  pass: (ms: number) => void;
}

function makeHost(hostID: number): ChaosHostHandle {
  const process = { isRunning: true, news: {} } as ChaosHostHandle['process'];
  return { hostID, address: '', process, isReady: true, isPaused: false, hasFullDisk: false };
}

function setUp(): Scene {
  const hosts = HOST_IDS.map(makeHost);
  const ways = HOST_IDS.flatMap((from) =>
    HOST_IDS.filter((to) => to !== from).map((to) => {
      const state: RelayState = {
        isBlocked: false,
        delayMs: 0,
        lossPercent: 0,
        bytesPerMs: 0,
        detourPort: undefined,
      };
      const relay = { state, cutAtMs: -Infinity, passedBytes: 0, port: 0 };
      return { from, to, relay: { ...relay, changed: () => {}, cut: () => {}, close: async () => {} } };
    }),
  );
  const watched: Watched = { hosts, network: { ways }, setup: { pair: { carrier: 'tcp' } } };
  const members: Group['members'] = new Map(
    HOST_IDS.map((id) => [id, { clusterID: 1, nodeID: id, members: [], join: false, isObserver: false }]),
  );
  const recorder = new GroupRecorder(1);
  const watch = new ServiceWatch(
    watched,
    [{ clusterID: 1, members, nextNodeID: 4 }],
    new Map([[1, recorder]]),
  );
  const silent = new Set<number>();
  let now = performance.now();
  const pass = (ms: number): void => {
    for (const end = now + ms; now < end;) {
      now += STEP_MS;
      for (const { hostID, process } of hosts) {
        if (process !== undefined && !silent.has(hostID)) Object.assign(process, { news: {} });
      }
      watch.look(now);
    }
  };
  const way = (from: number, to: number): RelayState => {
    const found = ways.find((each) => each.from === from && each.to === to);
    if (found === undefined) throw new Error('no way');
    return found.relay.state;
  };
  return { watch, hosts, way, silent, pass };
}

describe('ServiceWatch', () => {
  it('sees that a group gives no answer though all is well', () => {
    const { watch, pass } = setUp();
    pass(16_000);
    expect(watch.longestMs).toBeGreaterThan(15_000);
    expect(watch.longestOf).toBe(1);
  });

  it.each([
    ['one host is down, and a way between the others is blocked', 0, true],
    ['one host is down, and all is well between the others', 20_000, false],
  ])('waits when %s: %d ms', (_name, expectedMs, isBlocked) => {
    const { watch, hosts, way, pass } = setUp();
    const [first] = hosts;
    if (first !== undefined) first.process = undefined;
    way(2, 3).isBlocked = isBlocked;
    pass(20_000);
    expect(Math.abs(watch.longestMs - expectedMs)).toBeLessThan(1_000);
  });

  it.each<[string, (scene: Scene) => void]>([
    ['hosts that are paused', ({ hosts }) => hosts.slice(1).forEach((host) => (host.isPaused = true))],
    ['hosts that report nothing', ({ silent }) => [2, 3].forEach((hostID) => silent.add(hostID))],
    ['full disks', ({ hosts }) => hosts.slice(1).forEach((host) => (host.hasFullDisk = true))],
    ['hosts that start', ({ hosts }) => hosts.slice(1).forEach((host) => (host.isReady = false))],
    [
      'ways that lead elsewhere',
      ({ way }) => [way(1, 2), way(2, 3), way(3, 1)].forEach((state) => (state.detourPort = 1)),
    ],
    ['long delays', ({ way }) => [way(1, 2), way(2, 3), way(3, 1)].forEach((state) => (state.delayMs = 300))],
  ])('takes %s of a majority for an explanation, until they end', (_name, spoil) => {
    const scene = setUp();
    spoil(scene);
    scene.pass(20_000);
    expect(scene.watch.longestMs).toBeLessThan(1_500);
  });
});

import {
  type MessageBatch,
  MessageType,
  decodeMembership,
  decodeMessageBatch,
  encodeMessageBatch,
  makeMessage,
} from '@drakkar/raftio';
import type { Listener } from '../net/network.js';
import { Life } from '../world/life.js';
import type { Theatre } from './theatre.js';

const RULE = 'hostile batches';
const ELSEWHERE = 'h9:7000';
const FAR_TERMS = 2;
/** The varint of 2^53-1, and of a number twice as large that no double holds exactly. */
const LARGEST = Buffer.from('ffffffffffffff0f', 'hex');
const TOO_LARGE = Buffer.from('ffffffffffffff1f', 'hex');

/** An address without id and text, as often as no membership has any. */
const NESTED_MESSAGE = Buffer.from('1200', 'hex');
const NESTED = 2_000_000;
const NESTED_CHANCE = 0.25;

export const hostileBatchesSetting = { hostCount: 3, groups: [{}] };

/** Batches of another deployment, that say that they come from elsewhere, or with a number that is too large. */
export async function drillHostileBatches(theatre: Theatre): Promise<void> {
  const { cluster, world, dice } = theatre;
  const { network, scheduler } = world;
  const leader = await theatre.leader();
  const victim = dice.pick(cluster.hosts.filter((host) => host !== leader));
  const listener = network.listeners.get(victim.address);
  let last: MessageBatch | undefined;
  network.onBatch.push((batch) => (last = batch.sourceAddress === leader.address ? batch : last));
  await theatre.until('a batch', () => last !== undefined);
  if (last === undefined || listener === undefined) return;
  const { clusterID } = theatre.group.scenario;
  const [from, to] = [leader, victim].map((host) => host.replicas.get(clusterID)?.nodeID ?? 0) as [
    number,
    number,
  ];
  const term = theatre.progress(victim)?.term ?? 0;
  const heartbeat = makeMessage({ type: MessageType.Heartbeat, clusterID, from, to, term: term + FAR_TERMS });
  const send = (batch: MessageBatch): Promise<void> =>
    theatre.inHost(victim, () => listener.receive(encodeMessageBatch(batch)));

  await send({ ...last, requests: [heartbeat], deploymentID: last.deploymentID + 1 });
  await theatre.sleep(30);
  if ((theatre.progress(victim)?.term ?? 0) >= term + FAR_TERMS)
    theatre.fail(RULE, 'one of another deployment is taken');

  let strayed = 0;
  const elsewhere: Listener = {
    life: new Life('h9.1', 1, scheduler),
    receive: () => (strayed += 1),
    openStream: () => ({ take: () => Promise.resolve(false), close: () => undefined }),
    attach: () => undefined,
  };
  network.listeners.set(ELSEWHERE, elsewhere);
  await send({ ...last, requests: [{ ...heartbeat, term }], sourceAddress: ELSEWHERE });
  await theatre.sleep(1_000);
  if (strayed > 0) theatre.fail(RULE, `messages for node ${from} go to where one message said that it is`);
  network.listeners.delete(ELSEWHERE);

  const bytes = encodeMessageBatch({ ...last, requests: [{ ...heartbeat, term: Number.MAX_SAFE_INTEGER }] });
  const at = Buffer.from(bytes).indexOf(LARGEST);
  bytes.set(TOO_LARGE, at);
  if (at < 0 || isDecoded(bytes)) theatre.fail(RULE, 'a term that no number holds exactly is rounded');
  // Seldom: it is the one piece of work here that takes its time.
  if (dice.chance(NESTED_CHANCE) && isDecodedAsMembers(Buffer.alloc(2 * NESTED, NESTED_MESSAGE)))
    theatre.fail(RULE, `${NESTED} nested messages are taken, of two bytes each`);
  world.coverage.count('drill: hostile batches');
}

const isDecoded = (bytes: Uint8Array): boolean => isTaken(() => decodeMessageBatch(bytes));
const isDecodedAsMembers = (bytes: Uint8Array): boolean => isTaken(() => decodeMembership(bytes));

function isTaken(decode: () => unknown): boolean {
  try {
    decode();
    return true;
  } catch {
    return false;
  }
}

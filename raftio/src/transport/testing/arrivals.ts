import { MessageType } from '../../raftpb/types.js';
import type { ArrivingMessage } from '../../rpc.js';
import { type TestHosts, never, numberedBatch, until } from './hosts.js';

const LARGE_BYTES = 8 * 1024 * 1024;
const LARGE_TERM = 7;

/** What a host reported while it received. */
export interface Arrivals {
  /** Of each report, whether all of the large batch was there already. */
  wasWhole: boolean[];
  messages: Set<string>;
}

/** Has one host send another a small batch, a large one and a small one, and gives what the second saw of it. */
export async function sendLargeBatch<Options>(hosts: TestHosts<Options>): Promise<Arrivals> {
  const arrivals: Arrivals = { wasWhole: [], messages: new Set() };
  const received: number[] = [];
  const seen = ({ type, from, to, clusterID, term }: ArrivingMessage): void => {
    if (type === MessageType.Replicate)
      arrivals.messages.add(`group ${clusterID}: ${from} to ${to}, ${term}`);
  };
  const receiver = await hosts.start({
    requestHandler: ({ requests }) => received.push(requests[0]?.term ?? 0),
    onArriving: (messages) => {
      arrivals.wasWhole.push(received.includes(LARGE_TERM));
      messages.forEach(seen);
    },
  });
  const sender = await hosts.start();
  const connection = await sender.rpc.getConnection(receiver.address, never);
  await connection.sendMessageBatch(numberedBatch(1));
  await connection.sendMessageBatch(numberedBatch(LARGE_TERM, new Uint8Array(LARGE_BYTES).fill(0xff)));
  await connection.sendMessageBatch(numberedBatch(LARGE_TERM + 1));
  await until('all of it', () => received.length === 3);
  return arrivals;
}

import type { Message } from '@drakkar/raftio';
import { createWsRaftRPC } from '@drakkar/transport-ws';

/** A host that sends what it likes. */
export async function withSender(
  raftAddress: string,
  target: string,
  use: (send: (message: Message) => Promise<void>) => Promise<void>,
): Promise<void> {
  const rpc = createWsRaftRPC(
    {
      raftAddress,
      listenAddress: raftAddress,
      mutualTLS: undefined,
      sendBufferBytes: 2 ** 20,
      onWarning: () => undefined,
    },
    () => undefined,
    () => {
      throw new Error('no snapshots here');
    },
  );
  await rpc.start();
  try {
    const connection = await rpc.getConnection(target, AbortSignal.timeout(10_000));
    await use(async (message) => {
      await connection.sendMessageBatch({
        requests: [message],
        deploymentID: 1,
        sourceAddress: raftAddress,
        binVer: 210,
      });
    });
    connection.close();
  } finally {
    await rpc.stop();
  }
}

import type { IncomingMessage } from 'node:http';
import { ErrConnectFailed } from '@drakkar/raftio';
import { REASON_HEADER } from './protocol.js';

/** What an answer other than "101 Switching Protocols" means. */
export function explainRefusal(response: IncomingMessage, target: string): Error {
  const status = response.statusCode ?? 0;
  const reason = response.headers[REASON_HEADER];
  const why =
    typeof reason === 'string'
      ? reason.slice(0, 200)
      : 'is it the raft address of a host with the ws transport?';
  return new ErrConnectFailed(`${target} refused the connection with status ${status}: ${why}`, {
    details: { target, status },
  });
}

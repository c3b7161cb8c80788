import type { IncomingMessage } from 'node:http';
import { ErrConnectFailed, ErrTLS } from '@drakkar/raftio';
import { printable } from '@drakkar/raftio/transport';
import { REASON_HEADER } from './protocol.js';

/** The status with which a client is refused whose certificate is not good enough. */
export const IDENTITY_REFUSED = 403;

/** What an answer other than "101 Switching Protocols" means. */
export function explainRefusal(response: IncomingMessage, target: string): Error {
  const status = response.statusCode ?? 0;
  const reason = response.headers[REASON_HEADER];
  const why =
    typeof reason === 'string'
      ? printable(reason)
      : 'is it the raft address of a host with the ws transport?';
  if (status === IDENTITY_REFUSED) {
    return new ErrTLS(`${target} refused the connection: ${why}`, { details: { target, status } });
  }
  return new ErrConnectFailed(`${target} refused the connection with status ${status}: ${why}`, {
    details: { target, status },
  });
}

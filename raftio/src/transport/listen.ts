import type { Server } from 'node:net';
import { ErrAddressInUse, ErrInvalidAddress } from '../errors.js';
import { parseAddress } from './address.js';

/** Binds the server to `address` (`host:port`). Rejects with ErrAddressInUse or ErrInvalidAddress. */
export async function listen(server: Server, address: string): Promise<void> {
  const { host, port } = parseAddress(address);
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      const options = { cause: error, details: { listenAddress: address } };
      reject(
        error.code === 'EADDRINUSE'
          ? new ErrAddressInUse(
              `can't listen on ${address}: another process, or another host in this one, uses it`,
              options,
            )
          : new ErrInvalidAddress(`can't listen on ${address}: ${error.message}`, options),
      );
    };
    server.once('error', onError);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

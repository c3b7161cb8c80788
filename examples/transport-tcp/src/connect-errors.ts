import { ErrConnectFailed, ErrTLS } from '@drakkar/raftio';
import { certificateFault } from '@drakkar/raftio/transport';

/** What it means that an attempt to connect ended for `reason`, and what to do about it. */
export function connectError(target: string, reason: Error, usesTLS: boolean): Error {
  const cause = (reason.cause ?? reason) as NodeJS.ErrnoException;
  const options = { cause: reason, details: { target } };
  const fault = certificateFault(cause.code ?? '');
  if (fault !== undefined)
    return new ErrTLS(`${target}: its certificate ${fault} (${cause.message})`, options);
  if (cause.syscall === 'connect' || cause.syscall === 'getaddrinfo') {
    return new ErrConnectFailed(`can't connect to ${target}: ${cause.message}`, options);
  }
  // In TLS 1.3 a client hears only after the handshake, and not always in words, that its certificate was refused.
  const advice = usesTLS
    ? "either it refused this host's certificate, or it does not use mutual TLS, which must be on for all hosts of a deployment or for none"
    : 'either it has mutual TLS on, which this host has not, or it is no host with the tcp transport';
  const message = `${target} did not answer as expected: ${cause.message}; ${advice}`;
  return usesTLS ? new ErrTLS(message, options) : new ErrConnectFailed(message, options);
}

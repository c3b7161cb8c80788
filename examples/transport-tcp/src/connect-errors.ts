import { ErrConnectFailed, ErrTLS } from '@drakkar/raftio';
import { certificateFault } from '@drakkar/raftio/transport';

/** What it means that an attempt to connect ended for `reason`, and what to do about it. */
export function connectError(target: string, reason: Error, usesTLS: boolean): Error {
  const { code = '', message } = (reason.cause ?? reason) as NodeJS.ErrnoException;
  const options = { cause: reason, details: { target } };
  const fault = certificateFault(code);
  if (fault !== undefined) return new ErrTLS(`${target}: its certificate ${fault} (${message})`, options);
  if (code.startsWith('ERR_SSL_') && code.includes('ALERT')) {
    return new ErrTLS(`${target} refused this host's certificate, or its TLS version: ${message}`, options);
  }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    const advice = 'mutual TLS must be on for all hosts, or for none';
    return new ErrTLS(`${target} does not speak TLS: ${message}; ${advice}`, options);
  }
  const advice = usesTLS ? '; does it trust the CA of this host, and have mutual TLS on?' : '';
  return new ErrConnectFailed(`can't connect to ${target}: ${message}${advice}`, options);
}

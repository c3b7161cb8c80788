import { ErrInvalidOption } from '../errors/index.js';
import { writeCertificates } from './certs-files.js';
import { ExitCode, type Output } from './output.js';

export interface CertsOptions {
  out: string;
  hosts: string;
  also: string;
  days: string;
  force?: boolean;
}

const MAX_DAYS = 3650;

function list(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

function parseDays(text: string): number {
  const days = Number(text);
  if (/^\d+$/.test(text) && days >= 1 && days <= MAX_DAYS) return days;
  throw new ErrInvalidOption(`--days must be a whole number from 1 to ${MAX_DAYS}, but is "${text}"`);
}

/** `drakkar certs`. */
export async function certs(output: Output, options: CertsOptions): Promise<ExitCode> {
  const hosts = list(options.hosts);
  if (hosts.length === 0) throw new ErrInvalidOption('--hosts must name at least one host');
  const days = parseDays(options.days);
  const written = await writeCertificates({
    outDir: options.out,
    hosts,
    alsoNames: list(options.also),
    days,
    replace: options.force === true,
  });
  output.result({ ok: true, days, ...written }, [
    `${written.isNewCA ? 'new CA' : 'CA    '}  ${written.caFile}; its key, which no host needs: ${written.caKeyFile}`,
    ...written.hosts.map(({ names, certFile }) => `host    ${certFile}, for ${names.join(', ')}`),
    `good for ${days} days. In a host's configuration: mutualTls, caFile, certFile, keyFile`,
  ]);
  return ExitCode.ok;
}

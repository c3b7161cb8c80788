import { ErrInvalidOption } from '@drakkar/framework';
import { listCertificates, writeCertificates } from './certs-files.js';
import { ExitCode, type Output } from './output.js';

export interface CertsOptions {
  out: string;
  hosts?: string;
  also?: string;
  days: string;
  renew?: boolean;
  force?: boolean;
}

const MAX_DAYS = 3650;
const DAY_MS = 24 * 3_600_000;
/** So many days before the end of a certificate a warning is in place. */
const SOON_DAYS = 30;

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

function daysUntil(date: Date): number {
  return (date.getTime() - Date.now()) / DAY_MS;
}

/** `until 2027-11-30T15:02:00Z (365 days)` */
function untilText(date: Date): string {
  const days = daysUntil(date);
  const iso = date.toISOString().replace('.000Z', 'Z');
  return days < 0 ? `ENDED on ${iso}` : `until ${iso} (${Math.round(days)} days)`;
}

/** `drakkar certs`. */
export async function certs(output: Output, options: CertsOptions): Promise<ExitCode> {
  if (options.hosts === undefined) return await show(output, options);
  const hosts = list(options.hosts);
  if (hosts.length === 0) throw new ErrInvalidOption('--hosts must name at least one host');
  const days = parseDays(options.days);
  const written = await writeCertificates({
    outDir: options.out,
    hosts,
    alsoNames: options.also === undefined ? undefined : list(options.also),
    days,
    replace: options.force === true,
    renew: options.renew === true,
  });
  const warnings = endWarnings(written.caNotAfter, days);
  for (const warning of warnings) output.warn(warning);
  output.result({ ok: true, days, ...written, warnings }, [
    `${written.isNewCA ? 'new CA' : 'CA    '}  ${written.caFile}, ${untilText(written.caNotAfter)}; its key, which no host needs: ${written.caKeyFile}`,
    ...written.hosts.map(
      ({ names, certFile, notAfter }) =>
        `host    ${certFile}, for ${names.join(', ')}, ${untilText(notAfter)}`,
    ),
    "In a host's configuration: mutualTls, caFile, certFile, keyFile",
  ]);
  return ExitCode.ok;
}

/** A certificate never outlasts its CA, however many days are asked for. */
function endWarnings(caNotAfter: Date, days: number): string[] {
  const caDays = daysUntil(caNotAfter);
  const advice = 'make a new CA in another folder in time, and give hosts both in their caFile';
  const warnings: string[] = [];
  if (caDays < days - 1) {
    warnings.push(
      `--days ${days}: the CA ends before, and with it every certificate, ${untilText(caNotAfter)}; ${advice}`,
    );
  } else if (caDays < SOON_DAYS) {
    warnings.push(`the CA ends soon: it is good ${untilText(caNotAfter)}; ${advice}`);
  }
  return warnings;
}

/** Without --hosts: what there is, and how long it lasts. */
async function show(output: Output, { out, renew, force }: CertsOptions): Promise<ExitCode> {
  if (renew === true || force === true) {
    throw new ErrInvalidOption('--hosts must name the hosts whose certificates are to be made');
  }
  const certificates = (await listCertificates(out)).map((each) => ({
    ...each,
    daysLeft: Math.floor(daysUntil(each.notAfter)),
  }));
  const ok = certificates.every(({ daysLeft }) => daysLeft >= 0);
  for (const { file, kind, daysLeft, notAfter } of certificates) {
    if (daysLeft >= SOON_DAYS) continue;
    const advice = kind === 'ca' ? 'make a new CA in time' : 'renew it with --renew';
    output.warn(`${file} is good ${untilText(notAfter)}: ${advice}`);
  }
  output.result(
    { ok, certificates },
    certificates.map(
      ({ file, kind, names, notAfter }) =>
        `${kind.padEnd(6)}  ${file}${kind === 'ca' ? '' : `, for ${names.join(', ')}`}, ${untilText(notAfter)}`,
    ),
  );
  return ok ? ExitCode.ok : ExitCode.problems;
}

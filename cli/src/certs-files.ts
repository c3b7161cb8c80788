import { X509Certificate } from 'node:crypto';
import { readFile, readdir, stat } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { ErrInvalidOption } from '@drakkar/framework';
import { hasSystemCode, messageOf } from '@drakkar/framework/internals';
import type { CertificateAuthority, Issued, PemPair } from './certs-make.js';
import { type StagedFile, writeTogether } from './staged-files.js';

const CA_FILE = 'ca.pem';
const CA_KEY_FILE = 'ca-key.pem';
const CERT_FILE = 'node.pem';
const KEY_FILE = 'node-key.pem';

export interface CertificateOptions {
  /** Folder for the files; made when it is not there. */
  outDir: string;
  /** Names or IP addresses by which the hosts are reached, without ports; a certificate is made for each. */
  hosts: readonly string[];
  /** Names that every certificate has besides; by default those of the one that is renewed, or `drakkar.internal`. */
  alsoNames?: readonly string[] | undefined;
  /** How long the certificates are good for, unless the CA ends before. */
  days: number;
  /** Whether files that are there are replaced, the CA's too; otherwise a CA that is there is used. */
  replace: boolean;
  /** Whether certificates of these hosts that are there are replaced, by the CA that must be there. Default: false. */
  renew?: boolean;
}

/** A name that certificates have unless told, for what verifies by a DNS name only. */
const USUAL_ALSO_NAME = 'drakkar.internal';

/** Paths as a configuration has them. */
export interface HostFiles {
  host: string;
  names: string[];
  /** When the certificate ends. */
  notAfter: Date;
  caFile: string;
  certFile: string;
  keyFile: string;
}

export interface WrittenCertificates {
  caFile: string;
  caKeyFile: string;
  /** False: the CA was there already. */
  isNewCA: boolean;
  /** When the CA ends. */
  caNotAfter: Date;
  hosts: HostFiles[];
}

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;

function checkName(name: string): string {
  const isName =
    isIP(name) !== 0 || (name.length <= 253 && name.split('.').every((label) => LABEL.test(label)));
  if (isName) return name;
  throw new ErrInvalidOption(
    `"${name}" is neither a host name nor an IP address; names go without ports, as in --hosts a.example,10.0.0.1`,
  );
}

/** Not every file system takes the colons of an IPv6 address. */
function folderOf(outDir: string, host: string): string {
  return join(outDir, host.replaceAll(':', '_'));
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function refusePresent(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    if (await isThere(path)) {
      throw new ErrInvalidOption(
        `${path} is there already; --renew replaces it and keeps the CA, --force replaces the CA, too`,
      );
    }
  }
}

/** What deals with certificates takes a while to load, and no host needs it. */
const loadMaker = async () => import('./certs-make.js');

async function readCA(caFile: string, caKeyFile: string): Promise<CertificateAuthority | undefined> {
  const [hasCertificate, hasKey] = [await isThere(caFile), await isThere(caKeyFile)];
  if (!hasCertificate && !hasKey) return undefined;
  if (hasCertificate !== hasKey) {
    const [there, missing] = hasCertificate ? [caFile, caKeyFile] : [caKeyFile, caFile];
    throw new ErrInvalidOption(
      `${there} is there, but ${missing} is not: put it back, or have --force make a new CA, whose certificates all hosts need`,
    );
  }
  const maker = await loadMaker();
  try {
    const pair: PemPair = {
      certificate: await readFile(caFile, 'utf8'),
      key: await readFile(caKeyFile, 'utf8'),
    };
    return await maker.CertificateAuthority.read(pair);
  } catch (error) {
    throw new ErrInvalidOption(`the CA in ${caFile} can't be used: ${messageOf(error)}`, { cause: error });
  }
}

/** The CA that is to be used, if it is there. */
async function presentCA(
  { replace, renew = false }: CertificateOptions,
  caFile: string,
  caKeyFile: string,
): Promise<CertificateAuthority | undefined> {
  if (replace) return undefined;
  const ca = await readCA(caFile, caKeyFile);
  if (ca === undefined) {
    if (renew) throw new ErrInvalidOption(`--renew: there is no CA in ${caFile}`);
    return undefined;
  }
  if (ca.notAfter.getTime() > Date.now()) return ca;
  throw new ErrInvalidOption(
    `the CA in ${caFile} ended on ${ca.notAfter.toISOString()}: --force makes a new one, whose certificates all hosts need`,
  );
}

/** An IPv6 address has one form in a command line, and another in a certificate. */
function plainName(name: string): string {
  return isIP(name) === 6 ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name;
}

/** Names that the certificate in a file has; undefined: there is none. */
async function namesIn(certFile: string): Promise<string[] | undefined> {
  if (!(await isThere(certFile))) return undefined;
  try {
    const { subjectAltName = '' } = new X509Certificate(await readFile(certFile));
    return [...subjectAltName.matchAll(/(?:DNS|IP Address):([^,]+)/g)].map(([, name = '']) => name);
  } catch (error) {
    throw new ErrInvalidOption(`${certFile} can't be used: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Makes a CA, and for each host a folder with what its configuration names: `ca.pem`, `node.pem`, `node-key.pem`.
 *
 * @throws ErrInvalidOption for a name that is none, when a file would be overwritten, and for a CA that has ended
 */
export async function writeCertificates(options: CertificateOptions): Promise<WrittenCertificates> {
  const { days, replace, renew = false, alsoNames } = options;
  if (renew && replace) throw new ErrInvalidOption('--renew keeps the CA, --force replaces it: use either');
  const outDir = resolve(options.outDir);
  const hosts = [...new Set(options.hosts.map(checkName))];
  const also = alsoNames?.map(checkName);
  const caFile = join(outDir, CA_FILE);
  const caKeyFile = join(outDir, CA_KEY_FILE);
  const places = hosts.map((host) => {
    const folder = folderOf(outDir, host);
    const [hostCAFile, certFile] = [join(folder, CA_FILE), join(folder, CERT_FILE)];
    return { host, folder, caFile: hostCAFile, certFile, keyFile: join(folder, KEY_FILE) };
  });
  if (!replace && !renew)
    await refusePresent(places.flatMap((each) => [each.caFile, each.certFile, each.keyFile]));
  const there = await presentCA(options, caFile, caKeyFile);
  const ca = there ?? (await (await loadMaker()).CertificateAuthority.create(days));
  const caPem = await ca.toPem();
  const written: HostFiles[] = [];
  const pending: { place: (typeof places)[number]; issued: Issued }[] = [];
  for (const place of places) {
    const { host, certFile } = place;
    const present = renew ? await namesIn(certFile) : undefined;
    if (renew && present === undefined)
      throw new ErrInvalidOption(`--renew: there is no ${certFile}; without --renew it is made`);
    const known = also === undefined ? present : undefined;
    const names = [...new Set([host, ...(known ?? also ?? [USUAL_ALSO_NAME])].map(plainName))];
    const issued = await ca.issue(names, days);
    pending.push({ place, issued });
    const { folder: _folder, ...files } = place;
    written.push({ ...files, names, notAfter: issued.notAfter });
  }
  // Only now: a mistake in one of them should change nothing.
  const files: StagedFile[] = [];
  if (there === undefined) {
    // The key first: of two that make a CA at the same time, one ends here, and its CA is nowhere.
    files.push({ path: caKeyFile, content: caPem.key, isReplacing: replace });
    files.push({ path: caFile, content: caPem.certificate, isReplacing: replace });
  }
  for (const { place, issued } of pending) {
    // The key first here, too: of two that make the files of a host, one ends, and no key is with another's certificate.
    files.push({ path: place.keyFile, content: issued.key, isReplacing: replace || renew });
    files.push({ path: place.certFile, content: issued.certificate, isReplacing: true });
    files.push({ path: place.caFile, content: caPem.certificate, isReplacing: true });
  }
  await writeTogether(files);
  return { caFile, caKeyFile, isNewCA: there === undefined, caNotAfter: ca.notAfter, hosts: written };
}

/** A certificate that is in the folder, and when it ends. */
export interface PresentCertificate {
  file: string;
  /** The CA, and a certificate of a host. */
  kind: 'ca' | 'host';
  names: string[];
  notAfter: Date;
}

/** Every certificate in a folder that was made by `writeCertificates`, the CA first. */
export async function listCertificates(dir: string): Promise<PresentCertificate[]> {
  const outDir = resolve(dir);
  const entries = await readdir(outDir, { withFileTypes: true }).catch((error: unknown) => {
    throw new ErrInvalidOption(`--out: ${outDir} can't be read: ${messageOf(error)}`, { cause: error });
  });
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(outDir, name, CERT_FILE));
  const found: PresentCertificate[] = [];
  for (const file of [join(outDir, CA_FILE), ...folders.sort()]) {
    const names = await namesIn(file);
    if (names === undefined) continue;
    const { validTo } = new X509Certificate(await readFile(file));
    const kind = file.endsWith(CERT_FILE) ? 'host' : 'ca';
    found.push({ file, kind, names, notAfter: new Date(validTo) });
  }
  if (found.length > 0) return found;
  throw new ErrInvalidOption(`there is no certificate in ${outDir}: --hosts makes some`);
}

import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { ErrInvalidOption } from '../errors/index.js';
import { hasSystemCode, messageOf } from '../errors/inspect.js';
import type { CertificateAuthority, PemPair } from './certs-make.js';

const CA_FILE = 'ca.pem';
const CA_KEY_FILE = 'ca-key.pem';
const CERT_FILE = 'node.pem';
const KEY_FILE = 'node-key.pem';

const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

export interface CertificateOptions {
  /** Folder for the files; made when it is not there. */
  outDir: string;
  /** Names or IP addresses by which the hosts are reached, without ports; a certificate is made for each. */
  hosts: readonly string[];
  /** Names that every certificate has besides. */
  alsoNames: readonly string[];
  /** How long the certificates are good for. */
  days: number;
  /** Whether files that are there are replaced, the CA's too; otherwise a CA that is there is used. */
  replace: boolean;
}

/** Paths as a configuration has them. */
export interface HostFiles {
  host: string;
  names: string[];
  caFile: string;
  certFile: string;
  keyFile: string;
}

export interface WrittenCertificates {
  caFile: string;
  caKeyFile: string;
  /** False: the CA was there already. */
  isNewCA: boolean;
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
      throw new ErrInvalidOption(`${path} is there already; --force replaces it, and the CA`);
    }
  }
}

/** A file appears under its name when it is complete, and never with a mode that lets others read a key. */
async function put(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, content, { mode: FILE_MODE, flag: 'wx' });
  await rename(temporary, path);
}

/** What deals with certificates takes a while to load, and no host needs it. */
const loadMaker = async () => import('./certs-make.js');

async function readCA(caFile: string, caKeyFile: string): Promise<CertificateAuthority | undefined> {
  const [hasCertificate, hasKey] = [await isThere(caFile), await isThere(caKeyFile)];
  if (!hasCertificate && !hasKey) return undefined;
  if (hasCertificate !== hasKey) {
    const [there, missing] = hasCertificate ? [caFile, caKeyFile] : [caKeyFile, caFile];
    throw new ErrInvalidOption(`${there} is there, but ${missing} is not; --force makes a new CA`);
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

/**
 * Makes a CA, and for each host a folder with what its configuration names: `ca.pem`, `node.pem`, `node-key.pem`.
 *
 * @throws ErrInvalidOption for a name that is none, and when a file would be overwritten
 */
export async function writeCertificates(options: CertificateOptions): Promise<WrittenCertificates> {
  const { days, replace } = options;
  const outDir = resolve(options.outDir);
  const hosts = [...new Set(options.hosts.map(checkName))];
  const alsoNames = options.alsoNames.map(checkName);
  const caFile = join(outDir, CA_FILE);
  const caKeyFile = join(outDir, CA_KEY_FILE);
  const files: HostFiles[] = hosts.map((host) => {
    const folder = folderOf(outDir, host);
    return {
      host,
      names: [...new Set([host, ...alsoNames])],
      caFile: join(folder, CA_FILE),
      certFile: join(folder, CERT_FILE),
      keyFile: join(folder, KEY_FILE),
    };
  });
  if (!replace) await refusePresent(files.flatMap((each) => [each.caFile, each.certFile, each.keyFile]));
  const present = replace ? undefined : await readCA(caFile, caKeyFile);
  const ca = present ?? (await (await loadMaker()).CertificateAuthority.create(days));
  const caPem = await ca.toPem();
  await mkdir(outDir, { recursive: true, mode: FOLDER_MODE });
  if (present === undefined) {
    await put(caKeyFile, caPem.key);
    await put(caFile, caPem.certificate);
  }
  for (const each of files) {
    const pair = await ca.issue(each.names, days);
    await mkdir(folderOf(outDir, each.host), { recursive: true, mode: FOLDER_MODE });
    await put(each.keyFile, pair.key);
    await put(each.certFile, pair.certificate);
    await put(each.caFile, caPem.certificate);
  }
  return { caFile, caKeyFile, isNewCA: present === undefined, hosts: files };
}

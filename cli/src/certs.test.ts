import { X509Certificate, createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TLSSocket, connect, createServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CertificateAuthority } from './certs-make.js';
import { drakkar } from './testing/drakkar.js';

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'drakkar-certs-'));
});
afterEach(() => rm(out, { recursive: true, force: true }));

const certs = (...args: string[]): ReturnType<typeof drakkar> => drakkar('certs', '--out', out, ...args);

async function certificate(...path: string[]): Promise<X509Certificate> {
  return new X509Certificate(await readFile(join(out, ...path)));
}

async function daysLeft(...path: string[]): Promise<number> {
  const { validTo } = await certificate(...path);
  return Math.round((Date.parse(validTo) - Date.now()) / 86_400_000);
}

const filesIn = async (...path: string[]): Promise<string[]> => (await readdir(join(out, ...path))).sort();

/** What both ends of a connection say of each other; each demands a certificate of the CA in its files. */
async function handshake(server: string, client: string, servername: string): Promise<boolean[]> {
  const filesOf = async (host: string): Promise<{ ca: Buffer; cert: Buffer; key: Buffer }> => ({
    ca: await readFile(join(out, host, 'ca.pem')),
    cert: await readFile(join(out, host, 'node.pem')),
    key: await readFile(join(out, host, 'node-key.pem')),
  });
  const listener = createServer({ ...(await filesOf(server)), requestCert: true, rejectUnauthorized: false });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
  const { port } = listener.address() as AddressInfo;
  const files = await filesOf(client);
  const socket = connect({ ...files, host: '127.0.0.1', port, servername, rejectUnauthorized: false });
  const [[inbound]] = await Promise.all([accepted, once(socket, 'secureConnect')]);
  const verdicts = [inbound.authorized, socket.authorized];
  socket.destroy();
  inbound.destroy();
  listener.close();
  return verdicts;
}

describe('drakkar certs', () => {
  it('makes a CA, and for each host the files that a configuration names', async () => {
    const { exitCode, stdout } = await certs('--hosts', 'a.example, 10.0.0.1,::1', '--json');
    expect(exitCode).toBe(0);
    expect(await filesIn()).toEqual(['10.0.0.1', '__1', 'a.example', 'ca-key.pem', 'ca.pem']);
    const ca = await certificate('ca.pem');
    expect([ca.ca, ca.verify(ca.publicKey)]).toEqual([true, true]);
    const names = {
      'a.example': 'DNS:a.example, DNS:drakkar.internal',
      '10.0.0.1': 'IP Address:10.0.0.1, DNS:drakkar.internal',
      __1: 'IP Address:0:0:0:0:0:0:0:1, DNS:drakkar.internal',
    };
    for (const [folder, subjectAltName] of Object.entries(names)) {
      expect(await filesIn(folder)).toEqual(['ca.pem', 'node-key.pem', 'node.pem']);
      const host = await certificate(folder, 'node.pem');
      expect(host.subjectAltName).toBe(subjectAltName);
      expect([host.ca, host.checkIssued(ca), host.verify(ca.publicKey)]).toEqual([false, true, true]);
      expect(await daysLeft(folder, 'node.pem')).toBe(365);
      expect(await readFile(join(out, folder, 'ca.pem'), 'utf8')).toBe(ca.toString());
    }
    const result = JSON.parse(stdout) as { ok: boolean; days: number; hosts: { keyFile: string }[] };
    expect(result).toMatchObject({ ok: true, days: 365, isNewCA: true });
    expect(result.hosts.map(({ keyFile }) => keyFile)).toContain(join(out, 'a.example', 'node-key.pem'));
  });

  it('keeps files from others', async () => {
    await certs('--hosts', 'a');
    for (const path of [
      ['ca-key.pem'],
      ['ca.pem'],
      ['a', 'node-key.pem'],
      ['a', 'node.pem'],
      ['a', 'ca.pem'],
    ]) {
      expect((await stat(join(out, ...path))).mode & 0o777).toBe(0o600);
    }
    expect((await stat(join(out, 'a'))).mode & 0o777).toBe(0o700);
  });

  it('makes what both ends of a connection accept, and nothing else', async () => {
    await certs('--hosts', 'a.example,b.example', '--also', 'one.internal,two.internal');
    expect(await handshake('a.example', 'b.example', 'a.example')).toEqual([true, true]);
    expect(await handshake('b.example', 'a.example', 'two.internal')).toEqual([true, true]);
    expect(await handshake('b.example', 'a.example', 'a.example')).toEqual([true, false]);
    const first = out;
    out = join(first, 'foreign');
    await certs('--hosts', 'c.example');
    await writeFile(join(out, 'c.example', 'ca.pem'), await readFile(join(first, 'ca.pem')));
    out = first;
    expect(await handshake('a.example', 'foreign/c.example', 'a.example')).toEqual([false, true]);
  });

  it('uses the CA that is there, and never lets a certificate outlive it', async () => {
    await certs('--hosts', 'a', '--days', '30');
    const ca = await readFile(join(out, 'ca.pem'), 'utf8');
    const { exitCode, stdout } = await certs('--hosts', 'b', '--days', '90', '--also', '');
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('new CA');
    expect(await readFile(join(out, 'ca.pem'), 'utf8')).toBe(ca);
    expect((await certificate('b', 'node.pem')).verify((await certificate('ca.pem')).publicKey)).toBe(true);
    expect((await certificate('b', 'node.pem')).subjectAltName).toBe('DNS:b');
    expect(await daysLeft('b', 'node.pem')).toBe(30);
  });

  it('reports how long a certificate lasts, and warns when the CA ends before', async () => {
    await certs('--hosts', 'a', '--days', '60');
    const long = await certs('--hosts', 'b', '--days', '365', '--json');
    expect(long.exitCode).toBe(0);
    const result = JSON.parse(long.stdout) as { hosts: { notAfter: string }[]; warnings: string[] };
    const ends = Date.parse((await certificate('b', 'node.pem')).validTo);
    expect(Date.parse(result.hosts[0]?.notAfter ?? '')).toBe(ends);
    expect(result.warnings).toEqual([expect.stringContaining('--days 365: the CA ends before')]);
    expect(long.stderr).toContain('(60 days)');
    const { stdout, stderr } = await certs('--hosts', 'c', '--days', '60');
    expect(stdout).toMatch(
      /c\/node\.pem, for c, drakkar\.internal, until \d{4}-\d\d-\d\dT[\d:]+Z \(60 days\)/,
    );
    expect(stderr).toBe('');
  });

  it('renews one host by the CA that is there, with the names that it had', async () => {
    await certs('--hosts', 'a.example,10.0.0.1', '--also', 'one.internal,two.internal');
    const [ca, other] = [await certificate('ca.pem'), await certificate('10.0.0.1', 'node.pem')];
    const before = await certificate('a.example', 'node.pem');
    const { exitCode, stdout } = await certs('--hosts', 'a.example', '--renew', '--days', '90');
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('new CA');
    const after = await certificate('a.example', 'node.pem');
    expect(after.fingerprint256).not.toBe(before.fingerprint256);
    expect(after.subjectAltName).toBe('DNS:a.example, DNS:one.internal, DNS:two.internal');
    expect(await daysLeft('a.example', 'node.pem')).toBe(90);
    expect((await certificate('ca.pem')).fingerprint256).toBe(ca.fingerprint256);
    expect((await certificate('10.0.0.1', 'node.pem')).fingerprint256).toBe(other.fingerprint256);
    expect(await handshake('a.example', '10.0.0.1', 'two.internal')).toEqual([true, true]);
    expect((await certs('--hosts', 'a.example', '--renew', '--force')).exitCode).toBe(2);
    expect((await certs('--hosts', 'a.exampel', '--renew')).stderr).toMatch(/there is no .*a\.exampel/);
    expect(await filesIn()).not.toContain('a.exampel');
    out = join(out, 'none');
    expect((await certs('--hosts', 'a.example', '--renew')).stderr).toContain('there is no CA');
  });

  it('reports how long all that is there lasts, and warns of what ends soon', async () => {
    await certs('--hosts', 'a', '--days', '60');
    await certs('--hosts', 'b', '--days', '20');
    const shown = await certs('--json');
    expect(shown.exitCode).toBe(0);
    const { certificates } = JSON.parse(shown.stdout) as {
      certificates: { file: string; daysLeft: number }[];
    };
    expect(certificates.map(({ file, daysLeft: days }) => [file.slice(out.length), days])).toEqual([
      ['/ca.pem', 59],
      ['/a/node.pem', 59],
      ['/b/node.pem', 19],
    ]);
    expect(shown.stderr.trimEnd().split('\n')).toEqual([
      expect.stringContaining('/b/node.pem is good until'),
    ]);
    out = join(out, 'none');
    expect((await certs()).exitCode).toBe(2);
  });

  it('uses no CA that has ended', async () => {
    const ca = await CertificateAuthority.create(-1);
    const { certificate: pem, key } = await ca.toPem();
    await writeFile(join(out, 'ca.pem'), pem);
    await writeFile(join(out, 'ca-key.pem'), key);
    expect((await certs('--hosts', 'a')).stderr).toMatch(/the CA in .* ended on/);
    const shown = await certs();
    expect({ exitCode: shown.exitCode, stdout: shown.stdout }).toEqual({
      exitCode: 1,
      stdout: expect.stringContaining('ENDED on'),
    });
  });

  it('overwrites nothing without the option, and everything with it', async () => {
    await certs('--hosts', 'a');
    const before = await certificate('a', 'node.pem');
    const refused = await certs('--hosts', 'b,a');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('--force');
    expect(await filesIn()).toEqual(['a', 'ca-key.pem', 'ca.pem']);
    expect((await certificate('a', 'node.pem')).raw.equals(before.raw)).toBe(true);
    expect((await certs('--hosts', 'a', '--force')).exitCode).toBe(0);
    const after = await certificate('a', 'node.pem');
    expect(after.raw.equals(before.raw)).toBe(false);
    expect(after.verify((await certificate('ca.pem')).publicKey)).toBe(true);
    expect((await stat(join(out, 'a', 'node-key.pem'))).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['a name with a port', ['--hosts', 'a:63001'], 'without ports'],
    ['a path for a name', ['--hosts', '../a'], 'neither a host name'],
    ['no host', ['--hosts', ','], 'at least one host'],
    ['days that are none', ['--hosts', 'a', '--days', '0'], 'from 1 to 3650'],
  ])('refuses %s', async (_name, args, message) => {
    const { exitCode, stderr } = await certs(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
    expect(await filesIn()).toEqual([]);
  });

  it('refuses half a CA, and what is none', async () => {
    await writeFile(join(out, 'ca.pem'), 'nonsense');
    expect((await certs('--hosts', 'a')).stderr).toContain('ca-key.pem is not');
    await writeFile(join(out, 'ca-key.pem'), 'nonsense');
    expect((await certs('--hosts', 'a')).stderr).toContain("can't be used");
    expect(await filesIn()).toEqual(['ca-key.pem', 'ca.pem']);
  });

  it('issues nothing by a key of another CA, and nothing by a certificate of a host', async () => {
    await certs('--hosts', 'a');
    const [first, foreign] = [out, join(out, 'foreign')];
    out = foreign;
    await certs('--hosts', 'c');
    out = first;
    await copyFile(join(foreign, 'ca-key.pem'), join(out, 'ca-key.pem'));
    const refused = await certs('--hosts', 'b');
    expect({ exitCode: refused.exitCode, stderr: refused.stderr }).toEqual({
      exitCode: 2,
      stderr: expect.stringContaining('the key is of another certificate'),
    });
    await copyFile(join(out, 'a', 'node.pem'), join(out, 'ca.pem'));
    await copyFile(join(out, 'a', 'node-key.pem'), join(out, 'ca-key.pem'));
    expect((await certs('--hosts', 'b')).stderr).toContain('none of a CA');
    expect(await filesIn()).not.toContain('b');
  });

  it('makes one CA, however many commands make one at the same time', async () => {
    const all = await Promise.all(['a', 'b', 'c'].map((host) => certs('--hosts', host)));
    const ca = await certificate('ca.pem');
    const hosts = (await filesIn()).filter((name) => !name.startsWith('ca'));
    expect(hosts).toHaveLength(all.filter(({ exitCode }) => exitCode === 0).length);
    expect(hosts).not.toEqual([]);
    for (const host of hosts) expect((await certificate(host, 'node.pem')).verify(ca.publicKey)).toBe(true);
  });

  it('puts no key with the certificate of another, however many commands make those of a host at once', async () => {
    await certs('--hosts', 'first');
    const all = await Promise.all([1, 2, 3].map(() => certs('--hosts', 'a')));
    expect(all.filter(({ exitCode }) => exitCode === 0)).toHaveLength(1);
    const key = createPrivateKey(await readFile(join(out, 'a', 'node-key.pem')));
    expect((await certificate('a', 'node.pem')).checkPrivateKey(key)).toBe(true);
  });
});

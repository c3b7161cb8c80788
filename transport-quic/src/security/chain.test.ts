import 'reflect-metadata';
import { X509Certificate, generateKeyPairSync, webcrypto } from 'node:crypto';
import { beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { type ChainCheck, certificatesIn, checkChain, checkKeyStrength } from './chain.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;
const now = Date.now();

interface Issued {
  subject: string;
  keys: webcrypto.CryptoKeyPair;
  certificate: X509Certificate;
}

async function issue(
  name: string,
  issuer: Issued | undefined,
  extensions: Extension[],
  [fromMs, toMs] = [now - HOUR_MS, now + HOUR_MS],
  { hash = 'SHA-256', keys: given }: { hash?: string; keys?: webcrypto.CryptoKeyPair } = {},
): Promise<Issued> {
  const keys = given ?? (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']));
  const subject = `CN=${name}`;
  const made = await X509CertificateGenerator.create(
    {
      subject,
      issuer: issuer?.subject ?? subject,
      notBefore: new Date(fromMs),
      notAfter: new Date(toMs),
      signingAlgorithm: { ...ALGORITHM, hash },
      publicKey: keys.publicKey,
      signingKey: (issuer?.keys ?? keys).privateKey,
      extensions,
    },
    webcrypto,
  );
  return { subject, keys, certificate: new X509Certificate(Buffer.from(made.rawData)) };
}

const isCA = (pathLength?: number): Extension => new BasicConstraintsExtension(true, pathLength, true);
const names = (): Extension =>
  new SubjectAlternativeNameExtension([
    { type: 'dns', value: 'host-1.example' },
    { type: 'dns', value: '*.wild.example' },
    { type: 'ip', value: '10.1.2.3' },
    { type: 'ip', value: '::1' },
  ]);

let root: Issued;
let leaf: Issued;

beforeAll(async () => {
  root = await issue('root', undefined, [isCA()]);
  leaf = await issue('leaf', root, [names()]);
});

function check(shown: Issued[], change: Partial<ChainCheck> = {}): () => void {
  return () => {
    checkChain({
      shown: shown.map(({ certificate }) => certificate),
      trusted: [root.certificate],
      role: 'server',
      host: '10.1.2.3',
      nowMs: now,
      ...change,
    });
  };
}

const fault = (code: string): unknown => expect.objectContaining({ code });
function expectFault(run: () => void, code: string): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toEqual(fault(code));
}

describe('a chain of certificates', () => {
  it('is followed over CAs in between, in whatever order they are shown', async () => {
    const outer = await issue('outer', root, [isCA(1)]);
    const inner = await issue('inner', outer, [isCA(0)]);
    const below = await issue('below', inner, [names()]);
    expect(check([below, inner, outer])).not.toThrow();
    expect(check([below, outer, inner])).not.toThrow();
    expect(check([leaf])).not.toThrow();
    expectFault(check([below, outer]), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
  });

  it('needs a CA that is trusted, and its signature', async () => {
    const other = await issue('root', undefined, [isCA()]);
    const forged = await issue('leaf', other, [names()]);
    expectFault(check([forged]), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
    expectFault(check([forged, other]), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
    expectFault(check([leaf], { trusted: [] }), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
    expectFault(check([]), 'UNABLE_TO_GET_ISSUER_CERT');
    expect(check([leaf], { trusted: [other.certificate, root.certificate] })).not.toThrow();
  });

  it('refuses a host that acts as a CA', async () => {
    const below = await issue('below', leaf, [names()]);
    expectFault(check([below, leaf]), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
    const keyUsage = new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true);
    const notSigning = await issue('not signing', root, [isCA(), keyUsage]);
    const under = await issue('under', notSigning, [names()]);
    expectFault(check([under, notSigning]), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
  });

  it('refuses more CAs than one of them allows', async () => {
    const outer = await issue('outer', root, [isCA(0)]);
    const inner = await issue('inner', outer, [isCA()]);
    const below = await issue('below', inner, [names()]);
    expectFault(check([below, inner, outer]), 'PATH_LENGTH_EXCEEDED');
  });

  it('refuses what is out of date, wherever it is', async () => {
    const past: [number, number] = [now - 2 * HOUR_MS, now - HOUR_MS];
    const future: [number, number] = [now + HOUR_MS, now + 2 * HOUR_MS];
    expectFault(check([await issue('leaf', root, [names()], past)]), 'CERT_HAS_EXPIRED');
    expectFault(check([await issue('leaf', root, [names()], future)]), 'CERT_NOT_YET_VALID');
    const outer = await issue('outer', root, [isCA()], past);
    expectFault(check([await issue('below', outer, [names()]), outer]), 'CERT_HAS_EXPIRED');
    expectFault(check([leaf], { nowMs: now + 2 * HOUR_MS }), 'CERT_HAS_EXPIRED');
  });

  it('refuses critical extensions that are not understood', async () => {
    const critical = new Extension('2.5.29.30', true, new Uint8Array([0x30, 0]));
    const constrained = await issue('constrained', root, [isCA(), critical]);
    const below = await issue('below', constrained, [names()]);
    expectFault(check([below, constrained]), 'UNHANDLED_CRITICAL_EXTENSION');
    const harmless = new Extension('1.2.3.4', false, new Uint8Array([5, 0]));
    expect(check([await issue('leaf', root, [names(), harmless])])).not.toThrow();
  });

  it('must be for the role', async () => {
    const only = (usage: ExtendedKeyUsage): Extension => new ExtendedKeyUsageExtension([usage]);
    const server = await issue('server', root, [names(), only(ExtendedKeyUsage.serverAuth)]);
    const client = await issue('client', root, [names(), only(ExtendedKeyUsage.clientAuth)]);
    expect(check([server])).not.toThrow();
    expect(check([client], { role: 'client', host: undefined })).not.toThrow();
    expectFault(check([client]), 'INVALID_PURPOSE');
    expectFault(check([server], { role: 'client', host: undefined }), 'INVALID_PURPOSE');
  });

  it('may not be used for what a CA above it is not for', async () => {
    const mail = new ExtendedKeyUsageExtension([ExtendedKeyUsage.emailProtection]);
    const outer = await issue('outer', root, [isCA(), mail]);
    const below = await issue('below', outer, [names()]);
    expectFault(check([below, outer]), 'INVALID_PURPOSE');
    const old = await issue('old root', undefined, [isCA(), mail]);
    expectFault(
      check([await issue('below', old, [names()])], { trusted: [old.certificate] }),
      'INVALID_PURPOSE',
    );
    const both = new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]);
    const hosts = await issue('hosts', root, [isCA(), both]);
    expect(check([await issue('below', hosts, [names()]), hosts])).not.toThrow();
  });

  it('must have a key that is for signatures', async () => {
    const usage = (flags: KeyUsageFlags): Extension => new KeyUsagesExtension(flags, true);
    const agreeing = await issue('agreeing', root, [names(), usage(KeyUsageFlags.keyAgreement)]);
    expectFault(check([agreeing]), 'INVALID_PURPOSE');
    const signing = await issue('signing', root, [names(), usage(KeyUsageFlags.digitalSignature)]);
    expect(check([signing])).not.toThrow();
  });

  it('is refused where a CA constrains names, whether it says that that is critical or not', async () => {
    const constraints = new Extension('2.5.29.30', false, new Uint8Array([0x30, 0]));
    const constrained = await issue('constrained', root, [isCA(), constraints]);
    const below = await issue('below', constrained, [names()]);
    expectFault(check([below, constrained]), 'UNHANDLED_CRITICAL_EXTENSION');
  });

  it('is refused when a signature is of a digest for which others can be made', async () => {
    const during: [number, number] = [now - HOUR_MS, now + HOUR_MS];
    const weak = { hash: 'SHA-1' };
    expectFault(check([await issue('leaf', root, [names()], during, weak)]), 'CA_MD_TOO_WEAK');
    const outer = await issue('outer', root, [isCA()], during, weak);
    expectFault(check([await issue('below', outer, [names()]), outer]), 'CA_MD_TOO_WEAK');
    const old = await issue('old root', undefined, [isCA()], during, weak);
    const trusted = [old.certificate];
    expect(check([await issue('leaf', old, [names()])], { trusted })).not.toThrow();
  });

  it('is refused when a key in it is too short or of a curve that is not used, wherever it is', async () => {
    const openssl = generateKeyPairSync('ec', { namedCurve: 'secp112r1' });
    expect(() => {
      checkKeyStrength(openssl.publicKey);
    }).toThrow(/secp112r1/);
    const short = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 1024 };
    const publicExponent = new Uint8Array([1, 0, 1]);
    const keys = await webcrypto.subtle.generateKey({ ...short, publicExponent }, true, ['sign', 'verify']);
    expectFault(check([await issue('leaf', root, [names()], undefined, { keys })]), 'EE_KEY_TOO_SMALL');
    const outer = await issue('outer', root, [isCA()], undefined, { keys });
    const below = await issue('below', { ...outer, keys: root.keys }, [names()]);
    expectFault(check([below, outer]), 'EE_KEY_TOO_SMALL');
  });

  it('may come from a CA that was renewed, while the one before is there too', async () => {
    const past: [number, number] = [now - 2 * HOUR_MS, now - HOUR_MS];
    const before = await issue('root', undefined, [isCA()], past, { keys: root.keys });
    expect(check([leaf], { trusted: [before.certificate, root.certificate] })).not.toThrow();
    expectFault(check([leaf], { trusted: [before.certificate] }), 'CERT_HAS_EXPIRED');
    const outer = await issue('outer', root, [isCA()]);
    const expired = await issue('outer', root, [isCA()], past, { keys: outer.keys });
    const below = await issue('below', outer, [names()]);
    expect(check([below, expired, outer])).not.toThrow();
  });

  it('has no signature checked by a key of its own without a trusted CA', async () => {
    const verify = jest.spyOn(X509Certificate.prototype, 'verify');
    const mine = await issue('mine', undefined, [isCA()]);
    const many: Issued[] = [];
    for (let count = 0; count < 7; count++) {
      many.push(await issue('mine', mine, [isCA()]));
    }
    expectFault(check([await issue('leaf', mine, [names()]), ...many]), 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
    expect(verify.mock.calls.length).toBe(0);
    verify.mockRestore();
  });

  it('must name the host, and only as what it is', () => {
    for (const host of ['host-1.example', 'HOST-1.example', 'a.wild.example', '10.1.2.3', '::1']) {
      expect(check([leaf], { host })).not.toThrow();
    }
    for (const host of ['host-2.example', 'wild.example', 'a.b.wild.example', '10.1.2.4', 'leaf', '::2']) {
      expectFault(check([leaf], { host }), 'ERR_TLS_CERT_ALTNAME_INVALID');
    }
  });
});

describe('PEM text', () => {
  it('may hold several certificates, and other things', () => {
    const text = `comment\n${root.certificate.toString()}\nmore\n${leaf.certificate.toString()}`;
    expect(certificatesIn(text).map(({ subject }) => subject)).toEqual(['CN=root', 'CN=leaf']);
    expect(certificatesIn('nothing')).toEqual([]);
  });
});

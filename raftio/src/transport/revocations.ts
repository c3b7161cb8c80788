import { type KeyObject, type X509Certificate, constants, verify } from 'node:crypto';

/** One certificate revocation list (RFC 5280, section 5). */
interface RevocationList {
  /** What is signed. */
  signed: Buffer;
  algorithm: SignatureAlgorithm;
  signature: Buffer;
  /** Serial numbers, in hex without leading zeros. */
  serials: ReadonlySet<string>;
  nextUpdateMs: number | undefined;
}

interface SignatureAlgorithm {
  digest: string | null;
  isPss: boolean;
}

const PEM_LIST = /-----BEGIN (?:X509 )?CRL-----([^-]+)-----END (?:X509 )?CRL-----/g;
const PSS = '2a864886f70d01010a';
/** By the object identifier's bytes. SHA-1 and before are not accepted. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
  '2b6571': null,
};
/** Hashes that RSA-PSS names in its parameters. */
const PSS_DIGESTS: Readonly<Record<string, string>> = {
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
};

const Tag = {
  Boolean: 1,
  Integer: 2,
  BitString: 3,
  ObjectID: 6,
  UtcTime: 23,
  Time: 24,
  Sequence: 48,
} as const;

/** Which certificates their CAs have taken back. */
export class Revocations {
  readonly #lists: readonly RevocationList[];

  private constructor(lists: readonly RevocationList[]) {
    this.#lists = lists;
  }

  static readonly none = new Revocations([]);

  /**
   * The lists in a file: PEM, several one behind the other, or one in DER. Throws Error for what is no list, or has a
   * signature that is not accepted.
   */
  static parse(file: Buffer): Revocations {
    const blocks = [...file.toString('latin1').matchAll(PEM_LIST)].map(([, body = '']) =>
      Buffer.from(body, 'base64'),
    );
    if (blocks.length === 0 && file[0] !== Tag.Sequence)
      throw new Error('no certificate revocation list in it');
    return new Revocations((blocks.length > 0 ? blocks : [file]).map(parseList));
  }

  /** When the first list is out of date; undefined: none says. */
  get nextUpdateMs(): number | undefined {
    const all = this.#lists.flatMap(({ nextUpdateMs }) => (nextUpdateMs === undefined ? [] : [nextUpdateMs]));
    return all.length === 0 ? undefined : Math.min(...all);
  }

  /** How many of the lists none of these CAs has signed. */
  foreignCount(authorities: readonly X509Certificate[]): number {
    return this.#lists.filter((list) => !authorities.some(({ publicKey }) => isSignedBy(list, publicKey)))
      .length;
  }

  /**
   * Whether the CA that issued a certificate has revoked it. The list and the certificate must be signed with the same
   * key.
   *
   * @param issuers CAs that may have issued it
   */
  isRevoked(certificate: X509Certificate, issuers: readonly X509Certificate[]): boolean {
    const serial = normalSerial(certificate.serialNumber);
    const lists = this.#lists.filter(({ serials }) => serials.has(serial));
    if (lists.length === 0) return false;
    const keys = issuers.map(({ publicKey }) => publicKey).filter((key) => certificate.verify(key));
    return lists.some((list) => keys.some((key) => isSignedBy(list, key)));
  }
}

function isSignedBy({ signed, algorithm, signature }: RevocationList, key: KeyObject): boolean {
  const padding = algorithm.isPss
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
    : {};
  try {
    return verify(algorithm.digest, signed, { key, ...padding }, signature);
  } catch {
    return false; // a key of another kind
  }
}

function normalSerial(hex: string): string {
  return hex.toLowerCase().replace(/^0+(?=.)/, '');
}

/** A value in DER (X.690): its tag, its content, and all of it. */
interface Value {
  tag: number;
  content: Buffer;
  whole: Buffer;
}

function readValues(bytes: Buffer): Value[] {
  const values: Value[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0x80;
    let from = at + 2;
    if (length >= 0x80) {
      const size = length & 0x7f;
      if (size < 1 || size > 4 || from + size > bytes.length) throw new Error('malformed DER');
      length = bytes.readUIntBE(from, size);
      from += size;
    }
    const end = from + length;
    if (end > bytes.length) throw new Error('it is cut off');
    values.push({ tag, content: bytes.subarray(from, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return values;
}

function isTime({ tag }: Value): boolean {
  return tag === Tag.UtcTime || tag === Tag.Time;
}

function parseList(der: Buffer): RevocationList {
  const [outer, behindIt] = readValues(der);
  const [list, algorithm, signature] = outer?.tag === Tag.Sequence ? readValues(outer.content) : [];
  const isList = list?.tag === Tag.Sequence && behindIt === undefined;
  if (!isList || algorithm === undefined || signature?.tag !== Tag.BitString || signature.content[0] !== 0) {
    throw new Error('it is no certificate revocation list');
  }
  const fields = readValues(list.content);
  const times = fields.filter(isTime);
  const [updated, next] = times;
  if (updated === undefined) throw new Error('it is no certificate revocation list: it has no date');
  const behind = fields.slice(fields.indexOf(next ?? updated) + 1);
  const revoked = behind.find(({ tag }) => tag === Tag.Sequence);
  const serials = readValues(revoked?.content ?? Buffer.alloc(0)).map((entry) => {
    const [serial] = readValues(entry.content);
    if (serial?.tag !== Tag.Integer)
      throw new Error('it is no certificate revocation list: an entry has no serial number');
    return normalSerial(serial.content.toString('hex'));
  });
  return {
    signed: list.whole,
    algorithm: parseAlgorithm(algorithm.content),
    signature: signature.content.subarray(1),
    serials: new Set(serials),
    nextUpdateMs: next === undefined ? undefined : parseTime(next),
  };
}

function parseAlgorithm(content: Buffer): SignatureAlgorithm {
  const [id, parameters] = readValues(content);
  const name = id?.content.toString('hex') ?? '';
  if (name === PSS) {
    const found = Object.entries(PSS_DIGESTS).find(([oid]) =>
      parameters?.content.toString('hex').includes(oid),
    );
    if (found !== undefined) return { digest: found[1], isPss: true };
  }
  const digest = DIGESTS[name];
  if (digest === undefined) throw new Error(`its signature is of a kind that is not accepted (${name})`);
  return { digest, isPss: false };
}

/** UTCTime has two digits for the year, of 1950 to 2049. */
function parseTime({ tag, content }: Value): number | undefined {
  const text = content.toString('latin1');
  const year =
    tag === Tag.Time ? text.slice(0, 4) : `${Number(text.slice(0, 2)) < 50 ? '20' : '19'}${text.slice(0, 2)}`;
  const [, month, day, hour, minute, second] =
    /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text.slice(tag === Tag.Time ? 4 : 2)) ?? [];
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

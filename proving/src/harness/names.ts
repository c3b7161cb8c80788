/** Keys below this are shared by all clients; each of the others is written by one client alone. */
const FIRST_PRIVATE_KEY = 1_000_000;
const PRIVATE_KEYS_PER_INCARNATION = 1_000;
const VALUES_PER_INCARNATION = 2 ** 32;

export function keyName(keyID: number): string {
  return `k${keyID}`;
}

export function keyIDOf(name: string): number {
  return Number(name.slice(1));
}

export function isPrivateKey(keyID: number): boolean {
  return keyID >= FIRST_PRIVATE_KEY;
}

/** A key that no other client of any process has. */
export function privateKeyID(incarnation: number, n: number): number {
  if (n >= PRIVATE_KEYS_PER_INCARNATION) throw new RangeError('too many private keys in one process');
  return FIRST_PRIVATE_KEY + incarnation * PRIVATE_KEYS_PER_INCARNATION + n;
}

/** A value that is written once in a whole run. */
export function valueOf(incarnation: number, n: number): number {
  return incarnation * VALUES_PER_INCARNATION + n;
}

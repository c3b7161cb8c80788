import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isPlainObject } from '../runtime/plain-object.js';
import { ErrLockDirectory } from '../errors/host.js';
import { hasSystemCode, messageOf } from '../errors/inspect.js';
import { openSealedJSON, sealJSON } from '../fs/sealed-json.js';
import { adviceFor, storageProblemOf } from '../fs/storage-problem.js';
import type { HeldLock, IDirectoryLock } from './directory-lock.js';
import { type Endpoint, type EndpointName, isListening, openEndpoint } from './lock-endpoint.js';

/** Folder of the lock, in the folder that is locked. */
export const LOCK_DIR_NAME = 'LOCK';

/** Content of a generation's file: who claimed it. */
interface Claim {
  endpoint: EndpointName;
  pid: number;
  hostname: string;
}

const GENERATION_FILE = /^g(\d{1,15})$/;
/** Superseded generations that are kept, so that one who reads the folder slowly sees that it was overtaken. */
const GENERATIONS_KEPT = 4;
const MAX_ATTEMPTS = 100;

async function listGenerations(lockDir: string): Promise<number[]> {
  const generations: number[] = [];
  for (const name of await readdir(lockDir)) {
    const match = GENERATION_FILE.exec(name);
    if (match !== null) generations.push(Number(match[1]));
  }
  return generations.sort((a, b) => a - b);
}

/** None where there is no lock's folder. */
async function presentGenerations(lockDir: string): Promise<number[]> {
  try {
    return await listGenerations(lockDir);
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

async function readClaim(lockDir: string, generation: number): Promise<Claim | undefined> {
  try {
    const claim: unknown = openSealedJSON(await readFile(join(lockDir, `g${generation}`)));
    // Files get their name when they are complete; only meddling makes another content.
    if (isPlainObject(claim) && isPlainObject(claim['endpoint'])) return claim as unknown as Claim;
    throw new SyntaxError('not a claim');
  } catch (error) {
    if (hasSystemCode(error, 'ENOENT')) return undefined;
    const path = join(lockDir, `g${generation}`);
    const problem = storageProblemOf(error);
    throw new ErrLockDirectory(
      problem === undefined
        ? `the lock file ${path} can't be read; if no NodeHost runs, remove ${lockDir}`
        : `the lock file can't be read: ${messageOf(error)}; ${adviceFor(problem)}`,
      { cause: error, details: { path } },
    );
  }
}

/** A file of a lock that can't be used, and why. */
export interface BadLockFile {
  path: string;
  /** What the system said, when it did not let the file be read; otherwise its content is not what was written. */
  cause: unknown;
}

/** Files of a folder's lock whose content is not what was written, or can't be read. Takes no lock. */
export async function badLockFiles(dir: string): Promise<BadLockFile[]> {
  const lockDir = join(dir, LOCK_DIR_NAME);
  const bad: BadLockFile[] = [];
  for (const generation of await presentGenerations(lockDir)) {
    await readClaim(lockDir, generation).catch(({ cause }: Error) => {
      bad.push({ path: join(lockDir, `g${generation}`), cause });
    });
  }
  return bad;
}

/** Makes the file of a generation, complete from its first instant. False: somebody else has made it. */
async function claim(lockDir: string, generation: number, endpoint: Endpoint): Promise<boolean> {
  const content: Claim = { endpoint: endpoint.name, pid: process.pid, hostname: hostname() };
  const temporary = join(lockDir, `${randomBytes(12).toString('hex')}.tmp`);
  await writeFile(temporary, sealJSON({ ...content }), { flag: 'wx', mode: 0o600 });
  try {
    await link(temporary, join(lockDir, `g${generation}`));
    return true;
  } catch (error) {
    if (hasSystemCode(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function removeSuperseded(lockDir: string, current: number): Promise<void> {
  for (const generation of await listGenerations(lockDir)) {
    if (generation > current - GENERATIONS_KEPT) continue;
    // What can't be read any more is not needed any more either.
    const superseded = await readClaim(lockDir, generation).catch(() => undefined);
    if (superseded?.endpoint.place === 'folder')
      await rm(join(lockDir, superseded.endpoint.name), { force: true });
    await rm(join(lockDir, `g${generation}`), { force: true });
  }
}

function refuse(dir: string, owner: Claim): never {
  throw new ErrLockDirectory(
    `${dir} is in use by process ${owner.pid} on ${owner.hostname}; one data directory serves one NodeHost at a time`,
    { details: { dir, pid: owner.pid, hostname: owner.hostname } },
  );
}

/** Throws ErrLockDirectory while somebody has the folder. Takes no lock: for a folder that can't be written to. */
export async function refuseIfLocked(dir: string): Promise<void> {
  const lockDir = join(dir, LOCK_DIR_NAME);
  const newest = (await presentGenerations(lockDir)).at(-1);
  const owner = newest === undefined ? undefined : await readClaim(lockDir, newest);
  if (owner !== undefined && (await isListening(lockDir, owner.endpoint))) refuse(dir, owner);
}

/** One try: the generation taken, or undefined when another claimant was faster. */
async function tryClaim(dir: string, lockDir: string, endpoint: Endpoint): Promise<number | undefined> {
  const newest = (await listGenerations(lockDir)).at(-1) ?? 0;
  if (newest > 0) {
    const owner = await readClaim(lockDir, newest);
    if (owner === undefined) return undefined;
    if (await isListening(lockDir, owner.endpoint)) refuse(dir, owner);
  }
  const mine = newest + 1;
  if (!(await claim(lockDir, mine, endpoint))) return undefined;
  // Somebody may have taken this generation and a later one, and removed this one's file, since the list was read.
  const newestNow = (await listGenerations(lockDir)).at(-1) ?? mine;
  if (newestNow === mine) return mine;
  await rm(join(lockDir, `g${mine}`), { force: true });
  return undefined;
}

/**
 * A lock that needs no clean-up after a crash, no native code and no clock. Its folder holds one file a generation;
 * the owner of the newest is the owner of the lock, for as long as it listens on the socket that the file names. To
 * take the lock over from an owner that listens no more is to make the file of the next generation, which only one
 * can. The newest file is never removed, not even at release: that is what keeps a slow claimant from making a
 * generation's file a second time unnoticed. Works among processes of one kernel, whatever their containers; not
 * among machines that share a network file system.
 */
export class SocketDirectoryLock implements IDirectoryLock {
  async acquire(dir: string): Promise<HeldLock> {
    const lockDir = join(dir, LOCK_DIR_NAME);
    await mkdir(lockDir, { recursive: true, mode: 0o700 });
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // A new socket each time: one that stands in a superseded file may be removed by its successor.
      const endpoint = await openEndpoint(lockDir);
      let generation: number | undefined;
      try {
        generation = await tryClaim(dir, lockDir, endpoint);
        if (generation !== undefined) await removeSuperseded(lockDir, generation);
      } catch (error) {
        await endpoint.close();
        throw error;
      }
      if (generation !== undefined) return { release: () => endpoint.close() };
      await endpoint.close();
    }
    throw new ErrLockDirectory(`${dir}: too many processes are trying to lock it`, { details: { dir } });
  }
}

import { describe, expect, it } from '@jest/globals';
import {
  type ChaosCommand,
  ChaosStateMachine,
  type ChaosState,
  REFUSED,
  STATE_QUERY,
  encodeCommand,
} from './state-machine.js';

const SIGNAL = new AbortController().signal;

function apply(machine: ChaosStateMachine, command: ChaosCommand): unknown {
  return machine.update(Buffer.from(JSON.stringify(command)));
}

function read(machine: ChaosStateMachine, query: string): unknown {
  return JSON.parse(Buffer.from(machine.lookup(Buffer.from(query))).toString());
}

function filled(writes: number): ChaosStateMachine {
  const machine = new ChaosStateMachine(1);
  for (let seq = 1; seq <= writes; seq += 1) {
    apply(machine, { op: 'put', key: `k${seq % 3}`, value: seq, client: 1, seq });
  }
  return machine;
}

async function snapshotOf(machine: ChaosStateMachine): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  const write = async (piece: Uint8Array): Promise<void> => void pieces.push(Uint8Array.from(piece));
  await machine.saveSnapshot({ write }, undefined, SIGNAL);
  return Buffer.concat(pieces);
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length; offset += 1_000) yield bytes.subarray(offset, offset + 1_000);
}

describe('the state machine of the chaos', () => {
  it('answers what is no command, and changes nothing', () => {
    const machine = filled(3);
    const before = read(machine, STATE_QUERY);
    for (const cmd of ['', '{', 'null', '7', '"put"', '{"op":"none"}']) {
      expect(machine.update(Buffer.from(cmd))).toBe(REFUSED);
    }
    expect(read(machine, STATE_QUERY)).toEqual(before);
  });

  it('takes a command with blanks behind it as the same', () => {
    const command = { op: 'put', key: 'k', value: 1, client: 1, seq: 1 } as const;
    const machine = new ChaosStateMachine(1);
    const cmd = encodeCommand(JSON.stringify(command), 300_000);
    expect(cmd).toHaveLength(300_000);
    expect(machine.update(cmd)).toBe(1);
    expect(read(machine, 'k')).toBe(1);
  });

  it('makes snapshots larger while they are a burden, and recovers from them', async () => {
    const machine = filled(3);
    const plain = await snapshotOf(machine);
    const over = new AbortController();
    machine.burden = { extraBytes: 1_000_000, delayMs: 600_000, over: over.signal };
    const taking = snapshotOf(machine);
    over.abort();
    const large = await taking;
    expect(large.length).toBeGreaterThanOrEqual(plain.length + 1_000_000);
    const other = new ChaosStateMachine(1);
    await other.recoverFromSnapshot(inPieces(large), undefined, SIGNAL);
    expect(other.digest().hash).toBe(machine.digest().hash);
  });

  it('sets only what is as expected', () => {
    const machine = new ChaosStateMachine(1);
    const cas = (expected: number | null, value: number, seq: number): unknown =>
      apply(machine, { op: 'cas', key: 'k', expected, value, client: 1, seq });
    expect([cas(null, 1, 1), cas(null, 2, 2), cas(1, 3, 3)]).toEqual([1, 0, 1]);
    expect(read(machine, 'k')).toBe(3);
    expect(read(machine, 'nothing')).toBeNull();
    expect((read(machine, STATE_QUERY) as ChaosState).ledger).toEqual([
      { client: 1, ranges: [[1, 3]], duplicates: 0 },
    ]);
  });

  it('is the same after a snapshot, and goes on the same', async () => {
    const [first, second] = [filled(120), new ChaosStateMachine(1)];
    await second.recoverFromSnapshot(inPieces(await snapshotOf(first)), undefined, SIGNAL);
    for (const machine of [first, second]) {
      for (let seq = 121; seq <= 160; seq += 1)
        apply(machine, { op: 'put', key: 'k', value: seq, client: 1, seq });
    }
    const { checkpoints, ...digest } = second.digest();
    expect(first.digest()).toMatchObject(digest);
    expect(checkpoints.map(([count]) => count)).toEqual([150]);
    expect(first.digest().checkpoints).toEqual(expect.arrayContaining(checkpoints));
    expect(second.getHash()).toEqual(first.getHash());
  });

  it('has another hash after another command', () => {
    const [first, second] = [filled(50), filled(49)];
    apply(second, { op: 'put', key: 'k2', value: 51, client: 1, seq: 50 });
    expect(second.digest().hash).not.toBe(first.digest().hash);
    expect(second.digest().checkpoints).not.toEqual(first.digest().checkpoints);
    expect(second.digest().writeCount).toBe(first.digest().writeCount);
  });

  it('refuses a snapshot whose filler has changed', async () => {
    const bytes = await snapshotOf(filled(3));
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    const recovering = new ChaosStateMachine(1).recoverFromSnapshot(inPieces(bytes), undefined, SIGNAL);
    await expect(recovering).rejects.toThrow(/filler/);
  });
});

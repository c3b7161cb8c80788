import { describe, expect, it } from '@jest/globals';
import {
  type ChaosCommand,
  ChaosStateMachine,
  type ChaosState,
  REFUSED,
  STATE_QUERY,
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

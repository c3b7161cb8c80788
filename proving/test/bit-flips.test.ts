import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { SeededRandom } from '@drakkar/framework';
import { flipBits } from '../src/bit-flips/run.js';
import { type Region, regionReader } from '../src/bit-flips/regions.js';
import { ruleFor } from '../src/bit-flips/rules.js';
import { IdLog, Ledger, makeCommand } from '../src/bit-flips/workload.js';

const FLIPS = 80;
const TCP_EXAMPLE = fileURLToPath(new URL('../../examples/transport-tcp', import.meta.url));

/** `npm run bit-flips` with a hundredth of the flips. Each waits for time-outs most of the time, so all run at once. */
describe('a bit that flips between two hosts', () => {
  it.concurrent.each([
    { protocol: 'ws', transport: 'ws' },
    { protocol: 'grpc', transport: 'grpc' },
    { protocol: 'tcp', transport: 'tcp' },
    { protocol: 'example-tcp', transport: TCP_EXAMPLE },
  ] as const)(
    'changes nothing that is applied, acknowledged or voted over $protocol, and is counted in a batch or chunk',
    async ({ protocol, transport }) => {
      const dir = await mkdtemp(join(tmpdir(), 'drakkar-flips-'));
      const report = await flipBits({ flips: FLIPS, seed: 13, dir, transport, protocol });
      await rm(dir, { recursive: true, force: true });
      expect(report.faults).toEqual([]);
      expect(report.failedWithoutReason).toBe(0);
      expect(report.acknowledged).toBeGreaterThan(0);
      const content = report.flips.filter(({ region }) => region === 'content');
      // Where a flip falls is by chance: heads of frames take more of what is small.
      expect(content.length).toBeGreaterThan(FLIPS / 10);
      // A connection may end for another reason before what was damaged has come whole, on a busy machine more often.
      const others = content.filter(({ outcome }) => outcome !== 'counted');
      expect(others.filter(({ outcome }) => outcome !== 'ended')).toEqual([]);
      expect(others.length).toBeLessThanOrEqual(content.length / 4);
    },
    180_000,
  );
});

describe('what the check is made of', () => {
  it('distinguishes content from framing and handshakes', () => {
    const regionsOf = (protocol: 'ws' | 'grpc' | 'tcp', bytes: Buffer): string => {
      const reader = regionReader(protocol, 'to-host');
      const letters: Record<Region, string> = { handshake: 'h', framing: 'f', content: 'c' };
      return [...bytes].map((byte) => letters[reader.next(byte)]).join('');
    };
    const ws = Buffer.concat([
      Buffer.from('GET\r\n\r\n'),
      Buffer.from('8283000000000102038980000000008281000000000a', 'hex'),
    ]);
    expect(regionsOf('ws', ws)).toBe('hhhhhhhffffffcccffffffffffffc');
    const grpc = Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      Buffer.from('000001010400000001' + '82' + '000007000000000001' + '00000000020a0b', 'hex'),
      Buffer.from('000003000000000001' + '000000', 'hex'),
      Buffer.from('000003000000000001' + '00010c', 'hex'),
    ]);
    expect(regionsOf('grpc', grpc)).toBe(
      `${'h'.repeat(24)}${'f'.repeat(9)}h${'f'.repeat(9)}fffffcc${'f'.repeat(9)}fff${'f'.repeat(9)}ffc`,
    );
  });

  it('knows which bits mean nothing', () => {
    const ping = [0, 0, 8, 6, 0, 0, 0, 0, 0];
    const data = [0, 0, 9, 0, 0, 0, 0, 0, 1];
    const window = [0, 0, 4, 8, 0, 0, 0, 0, 0];
    const empty = [0x89, 0x80];
    const at = (header: number[], offset: number) => ({ header, at: offset });
    const rules = [
      ruleFor('grpc', { region: 'framing', place: at(ping, 12), bit: 3 }),
      ruleFor('grpc', { region: 'framing', place: at(data, 5), bit: 7 }),
      ruleFor('grpc', { region: 'framing', place: at(data, 4), bit: 5 }),
      ruleFor('grpc', { region: 'framing', place: at(ping, 3), bit: 6 }),
      ruleFor('grpc', { region: 'framing', place: at(window, 8), bit: 0 }),
      ruleFor('grpc', { region: 'framing', place: at(window, 12), bit: 0 }),
      ruleFor('ws', { region: 'framing', place: at(empty, 3), bit: 0 }),
    ];
    expect(rules).not.toContain(undefined);
    const others = [
      ruleFor('grpc', { region: 'framing', place: at(data, 12), bit: 3 }),
      ruleFor('grpc', { region: 'framing', place: at(data, 5), bit: 6 }),
      ruleFor('grpc', { region: 'framing', place: at(data, 4), bit: 0 }),
      ruleFor('grpc', { region: 'framing', place: at(data, 3), bit: 2 }),
      ruleFor('grpc', { region: 'framing', place: at(data, 3), bit: 6 }),
      ruleFor('grpc', { region: 'framing', place: at(window, 2), bit: 0 }),
      ruleFor('grpc', { region: 'content', place: at(data, 20), bit: 0 }),
      ruleFor('ws', { region: 'framing', place: at([0x82, 0x85], 3), bit: 0 }),
      ruleFor('tcp', { region: 'handshake', place: at([], 0), bit: 0 }),
    ];
    expect(others.filter((rule) => rule !== undefined)).toEqual([]);
  });

  it('sees what was changed, lost, repeated or made up', () => {
    const random = new SeededRandom(1);
    const ledger = new Ledger();
    const [right, wrong] = [new IdLog(), new IdLog()];
    for (; ledger.proposed < 4; ledger.proposed++) {
      const command = makeCommand(ledger.proposed, random);
      right.update(command);
      if (ledger.proposed !== 1) wrong.update(command);
      ledger.acknowledged.add(ledger.proposed);
    }
    expect(ledger.faultsOf('a', right, right)).toEqual([]);
    const changed = Buffer.concat([makeCommand(2, random), Buffer.alloc(3)]);
    wrong.update(changed);
    wrong.update(makeCommand(9, random));
    expect(ledger.faultsOf('b', wrong, right)).toEqual([
      expect.stringMatching(/^b: command 2 was applied with byte \d+ of \d+ changed$/),
      'b: 1 commands were applied twice',
      'b: 1 commands were applied that nobody proposed',
      'b: 1 acknowledged commands are missing',
      'b: it differs from another at command 1',
    ]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { hasErrorCode } from '@drakkar/raftio';
import { SeededRandom } from '../runtime/random.js';
import type { ClusterConfigInput } from './cluster-config.js';
import { validateClusterConfig } from './validate-cluster.js';

const MINIMAL = { nodeID: 1, clusterID: 100 };

function mistakes(input: unknown): string {
  try {
    validateClusterConfig(input as ClusterConfigInput);
  } catch (error) {
    if (!hasErrorCode(error, 'ERR_INVALID_CONFIG')) throw error;
    return (error as Error).message;
  }
  throw new Error('accepted');
}

describe('validateClusterConfig', () => {
  it('fills every default in, and freezes', () => {
    const { config, warnings } = validateClusterConfig(MINIMAL);
    expect(config).toEqual({
      nodeID: 1,
      clusterID: 100,
      checkQuorum: true,
      electionRTT: 10,
      heartbeatRTT: 1,
      snapshotEntries: 100_000,
      compactionOverhead: 10_000,
      maxHeldLogBytes: 268_435_456,
      orderedConfigChange: false,
      stateCheckHash: false,
      isObserver: false,
      quiesce: false,
      preVote: true,
      maxInMemLogSize: 0,
      snapshotCompression: 'none',
      entryCompression: 'none',
      disableAutoCompactions: false,
      compatibility: 'none',
    });
    expect(Object.isFrozen(config)).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('leaves the given object as it was', () => {
    const input = { ...MINIMAL };
    validateClusterConfig(input);
    expect(input).toEqual(MINIMAL);
  });

  it('turns pre-vote off for a group that hosts of Dragonboat may be members of', () => {
    const input = { ...MINIMAL, compatibility: 'dragonboat-2.1' } as const;
    expect(validateClusterConfig(input).config).toMatchObject({
      compatibility: 'dragonboat-2.1',
      preVote: false,
    });
    expect(validateClusterConfig({ ...input, preVote: false }).config.preVote).toBe(false);
  });

  it('names what contradicts that', () => {
    const told = mistakes({
      ...MINIMAL,
      compatibility: 'dragonboat-2.1',
      preVote: true,
      entryCompression: 'snappy',
    });
    expect(told).toContain("preVote: must be false with compatibility 'dragonboat-2.1', but is true");
    expect(told).toContain("entryCompression: must be 'none' with compatibility 'dragonboat-2.1'");
    expect(mistakes({ ...MINIMAL, compatibility: 'dragonboat-3' })).toContain('compatibility');
  });

  it('takes no times that are longer than what can be drawn at random', () => {
    const longest = { ...MINIMAL, electionRTT: 1_000_000_000 };
    const { electionRTT } = validateClusterConfig(longest).config;
    expect(new SeededRandom(1).nextInt(2 * electionRTT)).toBeLessThan(2 * electionRTT);
    expect(mistakes({ ...MINIMAL, electionRTT: electionRTT + 1 })).toContain(
      'electionRTT: must be an integer from 1 to 1000000000, but is 1000000001',
    );
  });

  it.each<[string, unknown, string[]]>([
    [
      'nothing',
      {},
      [
        'nodeID: required, but missing; must be an integer from 1 to 9007199254740991',
        'clusterID: required, but missing; must be an integer from 0 to 9007199254740991',
      ],
    ],
    ['no object', 7, ['must be an object, but is 7']],
    [
      'ids that are none',
      { nodeID: 0, clusterID: -1 },
      [
        'nodeID: must be an integer from 1 to 9007199254740991, but is 0',
        'clusterID: must be an integer from 0 to 9007199254740991, but is -1',
      ],
    ],
    [
      'a bigint',
      { nodeID: 1n, clusterID: 1 },
      ['nodeID: must be an integer from 1 to 9007199254740991, but is 1n'],
    ],
    [
      "an election time of Dragonboat's rule",
      { ...MINIMAL, electionRTT: 20, heartbeatRTT: 10 },
      ['electionRTT: must be more than twice heartbeatRTT (10), better ten times, but is 20'],
    ],
    [
      'no heartbeats',
      { ...MINIMAL, heartbeatRTT: 0 },
      ['heartbeatRTT: must be an integer from 1 to 1000000000, but is 0'],
    ],
    [
      'an in-memory log that holds nothing',
      { ...MINIMAL, maxInMemLogSize: 1 },
      [
        expect.stringMatching(
          /^maxInMemLogSize: must be 0 or more than an empty entry takes \(\d+\), but is 1$/,
        ) as unknown as string,
      ],
    ],
    [
      'several',
      { ...MINIMAL, ElectionRtt: 5, entryCompression: 'zip', checkquorum: true, quiesce: 1 },
      [
        'ElectionRtt: unknown key; did you mean "electionRTT"?',
        'checkquorum: unknown key; did you mean "checkQuorum"?',
        'quiesce: must be true or false, but is 1',
        'entryCompression: must be one of: none, snappy, but is "zip"',
      ],
    ],
  ])('%s', (_, input, expected) => {
    const [first, ...lines] = mistakes(input).split('\n');
    expect(first).toBe(
      `${expected.length === 1 ? '1 mistake' : `${expected.length} mistakes`} in the configuration of the group:`,
    );
    expect(lines.map((line) => line.replace('  - ', ''))).toEqual(expected);
  });

  it('warns of what is allowed but hardly meant', () => {
    expect(
      validateClusterConfig({ ...MINIMAL, electionRTT: 5, heartbeatRTT: 2, snapshotEntries: 0 }).warnings,
    ).toEqual([
      {
        path: 'electionRTT',
        message: 'is 5, less than ten times heartbeatRTT (2); a few lost heartbeats will unseat the leader',
      },
      {
        path: 'snapshotEntries',
        message: 'is 0: no snapshot is taken by itself, and the log grows until one is requested',
      },
    ]);
  });
});

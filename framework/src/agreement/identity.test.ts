import { describe, expect, it } from '@jest/globals';
import { settingsFingerprint } from './apply-settings.js';
import { importedGroupID, initialGroupID } from './identity.js';

const members = (...addresses: string[]): Map<number, string> =>
  new Map(addresses.map((address, i) => [i + 1, address]));

describe('the identity of a group', () => {
  it('does not depend on the order of its members, nor on how their addresses are spelled', () => {
    const one = new Map([
      [1, 'a:1'],
      [2, 'b:1'],
    ]);
    const other = new Map([
      [2, 'B:1'],
      [1, 'a.:1'],
    ]);
    expect(initialGroupID(7, one)).toBe(initialGroupID(7, other));
  });

  it('is another one for other members, another group, and another imported snapshot', () => {
    const three = members('a:1', 'b:1', 'c:1');
    const snapshot = { index: 9, term: 2 };
    const ids = [
      initialGroupID(7, three),
      initialGroupID(8, three),
      initialGroupID(7, members('a:1', 'b:1')),
      initialGroupID(7, members('a:1', 'b:1', 'd:1')),
      initialGroupID(7, members('b:1', 'a:1', 'c:1')),
      importedGroupID(7, snapshot, three),
      importedGroupID(7, { index: 10, term: 2 }, three),
      importedGroupID(7, snapshot, members('a:1')),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is a safe integer above 0, and stays what it is from release to release', () => {
    const id = initialGroupID(1, members('host-1:63001', 'host-2:63001', 'host-3:63001'));
    expect(Number.isSafeInteger(id)).toBe(true);
    expect(id).toBe(GOLDEN_ID);
  });
});

describe('the fingerprint of settings', () => {
  const settings = {
    orderedConfigChange: false,
    lruMaxSessionCount: 4096,
    membershipRules: 'strict',
  } as const;

  it('is another one for each setting that decides how entries are applied', () => {
    const prints = [
      settingsFingerprint(settings),
      settingsFingerprint({ ...settings, orderedConfigChange: true }),
      settingsFingerprint({ ...settings, lruMaxSessionCount: 4095 }),
      settingsFingerprint({ ...settings, membershipRules: 'dragonboat' }),
    ];
    expect(new Set(prints).size).toBe(prints.length);
    for (const print of prints) expect(print).toBeGreaterThan(0);
  });

  it('stays what it is from release to release', () => {
    expect(settingsFingerprint(settings)).toBe(GOLDEN_SETTINGS);
  });
});

const GOLDEN_ID = 2_370_384_817_252_343;
const GOLDEN_SETTINGS = 37_542_193;

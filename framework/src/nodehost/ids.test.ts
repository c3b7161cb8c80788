import { describe, expect, it } from '@jest/globals';
import { checkIDs } from './ids.js';
import { notFound, unusable } from './member.js';
import { memberMap } from './members.js';

const faultOf = (ids: Parameters<typeof checkIDs>[0]): string => {
  try {
    checkIDs(ids);
    return '';
  } catch (error) {
    const { code, message } = error as Error & { code: string };
    return `${code} ${message}`;
  }
};

describe('ids', () => {
  it.each<[unknown, string]>([
    ['1', '"1" (string)'],
    [1n, '1n (bigint)'],
    [1.5, '1.5 (number)'],
    [-1, '-1 (number)'],
    [2 ** 53, '9007199254740992 (number)'],
    [undefined, 'undefined (undefined)'],
  ])('names what is not an id: %p', (value, shown) => {
    const message = `ERR_INVALID_OPTION clusterID must be a number, an integer from 0 to 2^53 - 1, but is ${shown}`;
    expect(faultOf({ clusterID: value })).toBe(message);
    const group = value as number;
    expect(unusable(group, undefined)).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(notFound(group, 1)).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(() => memberMap(new Map([[group, '127.0.0.1:1']]))).toThrow('members: nodeID must be a number');
  });

  it('takes numbers, 0 for a group only', () => {
    expect(faultOf({ clusterID: 0, nodeID: 1 })).toBe('');
    expect(faultOf({ nodeID: 0 })).toContain('nodeID must be a number, an integer from 1');
    expect(unusable(7, undefined)).toMatchObject({ code: 'ERR_CLUSTER_NOT_FOUND' });
  });
});

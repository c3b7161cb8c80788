import { describe, expect, it } from '@jest/globals';
import type { NodeHostConfig } from '../config/node-host-config.js';
import { isLoopback, isOpenToAnybody } from './plaintext.js';

describe('isLoopback', () => {
  it.each([
    '127.0.0.1:1',
    '127.9.9.9:1',
    '[::1]:1',
    '[0:0:0:0:0:0:0:1]:1',
    'LocalHost.:1',
    '[::ffff:127.0.0.1]:1',
  ])('takes %s for this machine alone', (address) => {
    expect(isLoopback(address)).toBe(true);
  });

  it.each([
    '0.0.0.0:1',
    '[::]:1',
    '10.0.0.1:1',
    '127.example:1',
    'node-1:1',
    '[fe80::1]:1',
    '[::ffff:10.0.0.1]:1',
  ])('does not take %s for it', (address) => {
    expect(isLoopback(address)).toBe(false);
  });
});

describe('isOpenToAnybody', () => {
  const config = (more: Partial<NodeHostConfig>): NodeHostConfig =>
    ({ mutualTls: false, listenAddress: '0.0.0.0:1', ...more }) as NodeHostConfig;

  it('finds a host without mutual TLS that other machines can reach, unless that is meant', () => {
    expect(isOpenToAnybody(config({}))).toBe(true);
    expect(isOpenToAnybody(config({ mutualTls: true }))).toBe(false);
    expect(isOpenToAnybody(config({ allowPlaintext: true }))).toBe(false);
    expect(isOpenToAnybody(config({ listenAddress: '127.0.0.1:1' }))).toBe(false);
  });
});

import { describe, expect, it } from '@jest/globals';
import { isSameAddress, normalAddress } from './address.js';

describe('normalAddress', () => {
  it.each([
    ['Host-1.Example.COM:63001', 'host-1.example.com:63001'],
    ['host-1.example.com.:63001', 'host-1.example.com:63001'],
    [' host-1:63001 ', 'host-1:63001'],
    ['host-1:063001', 'host-1:63001'],
    ['host-1:0', 'host-1:0'],
    ['[0:0:0:0:0:0:0:1]:5', '[::1]:5'],
    ['[2001:DB8::0:1]:005', '[2001:db8::1]:5'],
    ['[FE80::1%Eth0]:5', '[fe80::1%eth0]:5'],
    ['10.0.0.1:5', '10.0.0.1:5'],
    ['a..:5', 'a..:5'],
    ['.:5', '.:5'],
    ['No address ', 'no address'],
    ['', ''],
  ])('makes %j to %j', (address, normal) => {
    expect(normalAddress(address)).toBe(normal);
    expect(normalAddress(normal)).toBe(normal);
  });

  it('keeps different hosts and ports apart', () => {
    const forms = ['a:1', 'a:2', 'a:10', 'b:1', 'a.b:1', '[::1]:1', '[::2]:1'].map(normalAddress);
    expect(new Set(forms).size).toBe(forms.length);
  });

  it('gives the same answer after any number of other addresses', () => {
    expect(normalAddress('Some.Host.:01')).toBe('some.host:1');
    for (let i = 0; i < 10_000; i++) expect(normalAddress(`Made-Up-${i}:1`)).toBe(`made-up-${i}:1`);
    expect(normalAddress('Some.Host.:01')).toBe('some.host:1');
  });

  it('leaves what is too long for an address as it is', () => {
    const long = `A:${'0'.repeat(100_000)}x`;
    expect(normalAddress(long)).toBe(long);
  });
});

describe('isSameAddress', () => {
  it('looks at the host and port, not at the spelling', () => {
    expect(isSameAddress('localhost:7001', 'LocalHost.:07001')).toBe(true);
    expect(isSameAddress('localhost:7001', 'localhost:7002')).toBe(false);
    expect(isSameAddress('localhost:7001', '127.0.0.1:7001')).toBe(false);
  });
});

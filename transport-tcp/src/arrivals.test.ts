import { afterEach, describe, expect, it } from '@jest/globals';
import { TestHosts, sendLargeBatch } from '@drakkar/raftio/transport/testing';
import { type TcpTransportOptions, createTcpRaftRPC } from './index.js';

const hosts = new TestHosts<TcpTransportOptions>(createTcpRaftRPC);
afterEach(() => hosts.stop());

describe('a large batch on its way', () => {
  it('is reported, with the leader that it comes from, before all of it is there', async () => {
    const { wasWhole, messages } = await sendLargeBatch(hosts);
    expect(wasWhole.length).toBeGreaterThan(2);
    expect(wasWhole).not.toContain(true);
    expect([...messages]).toEqual(['group 3: 1 to 2, 7']);
  });
});

import { describe, expect, it } from '@jest/globals';
import { MessageType, makeMessage } from '@drakkar/raftio';
import type { ILogger } from '../logging/logger.js';
import { RejectedMessages } from './rejected-messages.js';

function collecting(): { lines: string[]; log: ILogger } {
  const lines: string[] = [];
  const add = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const log: ILogger = {
    debug: add('debug'),
    info: add('info'),
    warn: add('warn'),
    error: add('error'),
  };
  return { lines, log };
}

const heartbeat = (from: number) => makeMessage({ type: MessageType.Heartbeat, from, to: 1, clusterID: 1 });

describe('rejected messages', () => {
  it('counts each, and logs the first of a kind and sender', () => {
    const { lines, log } = collecting();
    const rejected = new RejectedMessages(log);
    for (let i = 0; i < 5; i++) rejected.add('secondLeader', heartbeat(2));
    rejected.add('secondLeader', heartbeat(3));
    rejected.add('lostEntries', heartbeat(2));
    expect([...rejected.counts]).toEqual([
      ['secondLeader', 6],
      ['lostEntries', 1],
    ]);
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['warn', 'warn', 'error']);
  });

  it('logs no more than a bounded number of senders', () => {
    const { lines, log } = collecting();
    const rejected = new RejectedMessages(log);
    for (let from = 1; from <= 10_000; from++) rejected.add('unlistedSender', heartbeat(from));
    expect(lines.length).toBeLessThanOrEqual(256);
    expect(rejected.counts.get('unlistedSender')).toBe(10_000);
  });

  it('logs another kind though made-up senders have used up theirs', () => {
    const { lines, log } = collecting();
    const rejected = new RejectedMessages(log);
    for (let from = 1; from <= 10_000; from++) rejected.add('unlistedSender', heartbeat(from));
    rejected.add('lostEntries', heartbeat(2));
    expect(lines.at(-1)).toMatch(/^error /);
  });
});

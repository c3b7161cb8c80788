import { describe, expect, it } from '@jest/globals';
import { type CommandSignal, CommandSignals, signalExitCode } from './signals.js';

function setUp(): { signals: CommandSignals; ended: CommandSignal[] } {
  const ended: CommandSignal[] = [];
  return { signals: new CommandSignals((signal) => ended.push(signal)), ended };
}

describe('CommandSignals', () => {
  it('stops at the first signal, and ends the process at the second', async () => {
    const { signals, ended } = setUp();
    signals.receive('SIGTERM');
    expect(ended).toEqual([]);
    expect(await signals.stopped()).toBe('SIGTERM');
    signals.receive('SIGINT');
    expect(ended).toEqual(['SIGINT']);
  });

  it('ends the process at the first signal when the command is done, and only a reader is waited for', () => {
    const { signals, ended } = setUp();
    signals.done();
    signals.receive('SIGTERM');
    expect(ended).toEqual(['SIGTERM']);
  });

  it('takes SIGHUP for a request to stop only where nothing can be read again', () => {
    const { signals, ended } = setUp();
    let hangups = 0;
    signals.onHangup = () => void hangups++;
    for (let i = 0; i < 3; i++) signals.receive('SIGHUP');
    expect({ hangups, ended, stopping: signals.stopping }).toEqual({
      hangups: 3,
      ended: [],
      stopping: undefined,
    });
    signals.onHangup = undefined;
    signals.receive('SIGHUP');
    expect(signals.stopping).toBe('SIGHUP');
  });

  it('does not count a request of the parent process as a signal', () => {
    const { signals, ended } = setUp();
    signals.receive('SIGINT');
    signals.requestStop('SIGINT');
    signals.requestStop('SIGTERM');
    expect({ ended, stopping: signals.stopping }).toEqual({ ended: [], stopping: 'SIGINT' });
  });

  it('gives the exit codes of shells', () => {
    expect((['SIGHUP', 'SIGINT', 'SIGTERM'] as const).map(signalExitCode)).toEqual([129, 130, 143]);
  });
});

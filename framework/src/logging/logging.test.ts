import { describe, expect, it } from '@jest/globals';
import { type LogLevels, silentLoggerFactory } from './logger.js';
import { PinoLoggerFactory } from './pino-logger.js';

function capture(levels: LogLevels): { factory: PinoLoggerFactory; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const factory = new PinoLoggerFactory(levels, {
    write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  return { factory, lines };
}

describe('PinoLoggerFactory', () => {
  it('names the module and keeps the fields', () => {
    const { factory, lines } = capture({ level: 'info', modules: {} });
    factory.getLogger('raft').warn('stepped down', { clusterID: 1, term: 2n ** 60n });
    expect(lines).toEqual([
      expect.objectContaining({ module: 'raft', msg: 'stepped down', clusterID: 1, level: 40 }),
    ]);
  });

  it('has a level for each module', () => {
    const { factory, lines } = capture({ level: 'warn', modules: { raft: 'debug', engine: 'silent' } });
    for (const module of ['raft', 'engine', 'rsm'] as const) {
      const logger = factory.getLogger(module);
      logger.debug('d');
      logger.info('i');
      logger.warn('w');
      logger.error('e');
    }
    expect(lines.map((line) => `${String(line['module'])} ${String(line['msg'])}`)).toEqual([
      'raft d',
      'raft i',
      'raft w',
      'raft e',
      'rsm w',
      'rsm e',
    ]);
  });

  it('shows an error with its code and cause', () => {
    const { factory, lines } = capture({ level: 'info', modules: {} });
    const err = Object.assign(new Error('outer', { cause: new Error('inner') }), { code: 'ERR_X' });
    factory.getLogger('nodehost').error('failed', { err });
    expect(lines[0]?.['err']).toMatchObject({ message: 'outer', code: 'ERR_X', cause: { message: 'inner' } });
  });

  it('gives the same logger each time', () => {
    const { factory } = capture({ level: 'info', modules: {} });
    expect(factory.getLogger('raft')).toBe(factory.getLogger('raft'));
  });
});

describe('silentLoggerFactory', () => {
  it('takes everything', () => {
    const logger = silentLoggerFactory.getLogger('raft');
    expect([logger.debug('a'), logger.info('a'), logger.warn('a'), logger.error('a', {})]).toEqual(
      Array(4).fill(undefined),
    );
  });
});

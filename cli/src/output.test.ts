import { describe, expect, it } from '@jest/globals';
import { ErrInvalidOption } from '@drakkar/framework';
import { parsePlace } from './logdb-copy-place.js';
import { type CliIO, Output } from './output.js';
import { CommandSignals } from './signals.js';

function recorder(isTerminal = true): { io: CliIO; out: string[]; err: string[] } {
  const out: string[] = [];
  const err: string[] = [];
  return { io: { stdout: (text) => out.push(text), stderr: (text) => err.push(text), isTerminal }, out, err };
}

describe('output of a command', () => {
  it('gives 64-bit numbers as strings and maps as objects', () => {
    const { io, out } = recorder();
    const output = new Output(io, { isJSON: true });
    output.result({ hash: 2n ** 63n, members: new Map([[1, 'a:1']]) }, ['text']);
    output.end();
    expect(JSON.parse(out.join(''))).toEqual({ hash: '9223372036854775808', members: { 1: 'a:1' } });
  });

  it('gives a failure as text on the one, and as JSON on the other, in place of a result', () => {
    const { io, out, err } = recorder();
    const output = new Output(io, { isJSON: true });
    output.result({ ok: true }, []);
    output.failure(new ErrInvalidOption('not so', { details: { key: 1 } }));
    output.end();
    const error = { code: 'ERR_INVALID_OPTION', message: 'not so', details: { key: 1 } };
    expect(JSON.parse(out.join(''))).toEqual({ ok: false, error });
    expect(err).toEqual(['drakkar: not so [ERR_INVALID_OPTION]\n']);
  });

  it('gives a failure as one more line where results are lines', () => {
    const { io, out } = recorder();
    const output = new Output(io, { isJSON: true, isStream: true });
    output.event({ event: 'started' }, 'started');
    output.failure(new Error('no'));
    output.end();
    expect(
      out
        .join('')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { event: 'started' },
      { event: 'failed', error: { message: 'no', details: {}, stack: expect.any(String) } },
    ]);
  });

  it('leaves long work when the command was asked to stop', () => {
    const signals = new CommandSignals();
    const output = new Output(recorder().io, { isJSON: false, signals });
    output.progress('half way');
    signals.receive('SIGTERM');
    expect(() => output.progress('more')).toThrow('ended by SIGTERM');
  });

  it('draws progress over itself on a terminal, and wipes it before a result', async () => {
    const { io, out, err } = recorder();
    const output = new Output(io, { isJSON: false });
    output.progress('too soon');
    expect(err).toEqual([]);
    await until(() => {
      output.progress('half way');
      return err.length > 0;
    });
    output.result({}, ['done']);
    output.end();
    expect(err).toEqual(['\r\u001b[Khalf way', '\r\u001b[K']);
    expect(out).toEqual(['done\n']);
  });
});

async function until(probe: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!probe()) {
    if (performance.now() > endMs) throw new Error('timed out');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a place of a LogDB', () => {
  it.each([
    ['lmdb:/var/lib/log', 'lmdb', '/var/lib/log'],
    ['@example/logdb:/a:b', '@example/logdb', '/a:b'],
    ['C:\\mods\\db.js:/data', 'C:\\mods\\db.js', '/data'],
  ])('%s', (text, module, dir) => {
    expect(parsePlace('--from', text)).toEqual({ module, dir });
  });

  it.each(['lmdb', 'lmdb:', ':/data', ''])('refuses "%s"', (text) => {
    expect(() => parsePlace('--from', text)).toThrow('MODULE:DIR');
  });
});

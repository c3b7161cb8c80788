import { createRequire } from 'node:module';
import { ErrUnsupported } from '@drakkar/raftio';
import type { Engine, EngineName, EngineOptions } from './engine.js';
import { QuicEngine, loadQuicLibrary } from './engines/quic.js';
import type { EngineChoice } from './options.js';

/** The optional package that has HTTP/3 in it. */
export const HTTP3_PACKAGE = '@fails-components/webtransport-transport-http3-quiche';

export interface ChosenEngine {
  engine: Engine;
  /** Why, for the log. */
  because: string;
}

/** Rejects with ErrUnsupported when the engine that was asked for can't be had on this machine. */
export async function chooseEngine(choice: EngineChoice, options: EngineOptions): Promise<ChosenEngine> {
  if (choice !== 'auto')
    return { engine: await loadEngine(choice, options), because: 'the configuration says so' };
  const reason = await whyNot('webtransport');
  if (reason === undefined) {
    return { engine: await loadEngine('webtransport', options), because: 'WebTransport over HTTP/3 loads' };
  }
  return {
    engine: await loadEngine('quic', options),
    because: `WebTransport over HTTP/3 can't be had: ${reason}`,
  };
}

/** Why the choice can't be had on this machine; undefined when it can. */
export async function whyUnavailable(choice: EngineChoice): Promise<string | undefined> {
  const reason = await whyNot(choice === 'auto' ? 'webtransport' : choice);
  return reason !== undefined && choice === 'auto' ? whyNot('quic') : reason;
}

async function loadEngine(name: EngineName, options: EngineOptions): Promise<Engine> {
  const reason = await whyNot(name);
  if (reason !== undefined) throw new ErrUnsupported(`engine ${name} of the quic transport: ${reason}`);
  if (name === 'quic') return new QuicEngine(loadQuicLibrary(), options);
  throw new ErrUnsupported(`engine ${name} of the quic transport is not there yet`);
}

async function whyNot(name: EngineName): Promise<string | undefined> {
  try {
    if (name === 'quic') loadQuicLibrary();
    if (name === 'webtransport') await import(createRequire(import.meta.url).resolve(HTTP3_PACKAGE));
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n', 1)[0] ?? '';
  }
}

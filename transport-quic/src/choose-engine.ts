import { ErrUnsupported } from '@drakkar/raftio';
import type { Engine, EngineName, EngineOptions } from './engine.js';
import { loadQuicLibrary } from './engines/quic-library.js';
import { QuicEngine } from './engines/quic.js';
import { loadWebTransportLibrary, whyNoHttp3 } from './engines/webtransport-library.js';
import { WebTransportEngine } from './engines/webtransport.js';
import type { EngineChoice } from './options.js';

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
  const otherReason = await whyNot('quic');
  if (otherReason !== undefined) {
    throw new ErrUnsupported(
      `engine auto of the quic transport: there is none on this machine. webtransport: ${reason}. quic: ${otherReason}. ` +
        'Install one of them, the same on every host, or name webtransport-h2, which is TCP and needs neither',
    );
  }
  return {
    engine: await loadEngine('quic', options),
    because: `WebTransport over HTTP/3 can't be had: ${reason}`,
  };
}

async function loadEngine(name: EngineName, options: EngineOptions): Promise<Engine> {
  const reason = await whyNot(name);
  if (reason !== undefined) throw new ErrUnsupported(`engine ${name} of the quic transport: ${reason}`);
  if (name === 'quic') return new QuicEngine(loadQuicLibrary(), options);
  return new WebTransportEngine(name, await loadWebTransportLibrary(), options);
}

/** Why the engine can't be had on this machine; undefined when it can. */
async function whyNot(name: EngineName): Promise<string | undefined> {
  try {
    if (name === 'webtransport') return await whyNoHttp3();
    if (name === 'quic') loadQuicLibrary();
    else await loadWebTransportLibrary();
    return undefined;
  } catch (error) {
    return (error as Error).message.split('\n', 1)[0] ?? '';
  }
}

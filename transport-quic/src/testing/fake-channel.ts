import type { Channel, ChannelHandlers } from '../engine.js';

/** A channel that goes nowhere: what is written to it is kept, what arrives is up to the test. */
export function fakeChannel(): {
  channel: Channel;
  written: Uint8Array[];
  arrive: ChannelHandlers;
  ends: string[];
} {
  const written: Uint8Array[] = [];
  const ends: string[] = [];
  let handlers: ChannelHandlers | undefined;
  const channel: Channel = {
    peer: 'peer',
    closed: new Promise(() => undefined),
    attach: (given) => {
      handlers = given;
    },
    packetsRead: () => undefined,
    write: (bytes) => written.push(bytes),
    close: () => ends.push('close'),
    destroy: () => ends.push('destroy'),
    binding: () => undefined,
    confirms: () => false,
  };
  const arrive: ChannelHandlers = {
    onData: (bytes) => handlers?.onData(bytes),
    onEnd: (reason) => handlers?.onEnd(reason),
  };
  return { channel, written, arrive, ends };
}

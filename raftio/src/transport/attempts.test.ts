import { describe, expect, it } from '@jest/globals';
import { ConnectAttempts, attemptAborted } from './attempts.js';
import { integerOption, integerOptionsSchema, resolveIntegerOptions } from './integer-options.js';
import { ownBytes } from './own-bytes.js';

/** Connects to nobody until it is aborted. */
function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(attemptAborted('host:1', signal.reason));
    });
  });
}
const never = new AbortController().signal;

describe('ConnectAttempts', () => {
  it('gives what the attempt gives', async () => {
    const attempts = new ConnectAttempts();
    expect(await attempts.run('host:1', never, () => Promise.resolve(7))).toBe(7);
    await expect(attempts.run('host:1', never, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('ends an attempt when its caller aborts it, before or meanwhile', async () => {
    const attempts = new ConnectAttempts();
    const controller = new AbortController();
    const attempt = attempts.run('host:1', controller.signal, untilAborted);
    controller.abort();
    await expect(attempt).rejects.toMatchObject({ code: 'ERR_CONNECT_FAILED' });
    let isRun = false;
    const late = attempts.run('host:1', controller.signal, async () => {
      isRun = true;
    });
    await expect(late).rejects.toMatchObject({ code: 'ERR_CONNECT_FAILED' });
    expect(isRun).toBe(false);
  });

  it('ends all of them when it stops, and lets none begin', async () => {
    const attempts = new ConnectAttempts();
    const ended = [1, 2].map(() =>
      expect(attempts.run('host:1', never, untilAborted)).rejects.toMatchObject({
        code: 'ERR_TRANSPORT_STOPPED',
      }),
    );
    await attempts.stop();
    await Promise.all(ended);
    expect(attempts.stopped).toBe(true);
    await expect(attempts.run('host:1', never, () => Promise.resolve(1))).rejects.toMatchObject({
      code: 'ERR_TRANSPORT_STOPPED',
    });
  });
});

describe('integer options', () => {
  const properties = { sizeBytes: integerOption(5, 1, 10, 'a size') };

  it('have defaults, and take what is in range', () => {
    expect(resolveIntegerOptions('it', properties, {})).toEqual({ sizeBytes: 5 });
    expect(resolveIntegerOptions('it', properties, { sizeBytes: undefined })).toEqual({ sizeBytes: 5 });
    expect(resolveIntegerOptions('it', properties, { sizeBytes: 10 })).toEqual({ sizeBytes: 10 });
    expect(integerOptionsSchema('options of it', properties)).toMatchObject({
      title: 'options of it',
      additionalProperties: false,
    });
  });

  it('refuse the rest by name', () => {
    for (const value of [0, 11, 1.5, '5', null]) {
      expect(() => resolveIntegerOptions('it', properties, { sizeBytes: value })).toThrow(
        /option 'sizeBytes' of it/,
      );
    }
    expect(() => resolveIntegerOptions('it', properties, { toString: 1 })).toThrow(TypeError);
  });
});

describe('ownBytes', () => {
  it('copies a small piece of a large block, and nothing else', () => {
    const block = Buffer.alloc(1000, 1);
    expect(ownBytes(block.subarray(10, 20)).buffer).not.toBe(block.buffer);
    const most = new Uint8Array(new ArrayBuffer(100), 5, 90);
    expect(ownBytes(most).buffer).toBe(most.buffer);
    expect(Buffer.isBuffer(ownBytes(block.subarray(0, 3)))).toBe(false);
  });
});

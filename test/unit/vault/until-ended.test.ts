import { describe, expect, it } from 'vitest';
import { untilEnded } from '../../../src/core/until-ended.ts';

describe('untilEnded', () => {
  it('gives the result or the error of work that nobody aborts', async () => {
    for (const signal of [undefined, new AbortController().signal]) {
      expect(await untilEnded(Promise.resolve('done'), signal)).toBe('done');
      const failing = Promise.reject(new Error('its own'));
      await expect(untilEnded(failing, signal)).rejects.toThrow('its own');
    }
  });

  it('awaits work that ends soon after it was aborted', async () => {
    const controller = new AbortController();
    let end = (_result: string) => {};
    const running = new Promise<string>((resolve) => {
      end = resolve;
    });
    const ended = untilEnded(running, controller.signal);
    controller.abort();
    end('done');
    expect(await ended).toBe('done');
  });

  it('gives up work that hangs', async () => {
    const controller = new AbortController();
    const ended = untilEnded(new Promise(() => {}), controller.signal);
    controller.abort();
    await expect(ended).rejects.toMatchObject({ code: 'ERR_ABORTED', name: 'AbortError' });
  });
});

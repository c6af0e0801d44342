import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { keyWrapper } from '../../../src/kms/service.ts';
import { failure } from '../../support/wrapper-contract.ts';

const acme = { tenantId: 'acme' };

/** A service that counts the calls under way, and answers when `wait` does. */
function service(wait: () => Promise<unknown>) {
  const calls = { now: 0, most: 0, all: 0 };
  const answer = async (bytes: Uint8Array) => {
    calls.all++;
    calls.now++;
    calls.most = Math.max(calls.most, calls.now);
    await wait().finally(() => calls.now--);
    return Uint8Array.from(bytes);
  };
  const wrapper = keyWrapper({
    id: 'test:key',
    name: 'The test',
    permissions: {},
    wrap: answer,
    unwrap: answer,
    explain: () => undefined,
  });
  return { calls, wrapper };
}

it('calls a service 32 times at once, and the others in their order', async () => {
  const { calls, wrapper } = service(() => sleep(5));
  const keys = Array.from({ length: 200 }, () => randomBytes(32));
  const order: number[] = [];
  const wrapped = await Promise.all(
    keys.map(async (key, n) => {
      const bytes = await wrapper.wrap(key, acme);
      order.push(n);
      return bytes;
    }),
  );
  expect(wrapped).toEqual(keys.map((key) => Uint8Array.from(key)));
  expect(calls).toEqual({ now: 0, most: 32, all: 200 });
  expect(order).toEqual([...order].sort((a, b) => a - b));
});

it('gives a slot back after a failure, too', async () => {
  const { calls, wrapper } = service(() => Promise.reject(new TypeError('no')));
  const wraps = Array.from({ length: 100 }, () => wrapper.wrap(randomBytes(32), acme));
  const results = await Promise.allSettled(wraps);
  expect(results.every(({ status }) => status === 'rejected')).toBe(true);
  expect(calls).toEqual({ now: 0, most: 32, all: 100 });
});

it('ends within 10 seconds for those that wait, too', async () => {
  let answerAll = () => {};
  const late = new Promise<void>((resolve) => {
    answerAll = resolve;
  });
  const { calls, wrapper } = service(() => late);
  const start = performance.now();
  const unwraps = Array.from({ length: 100 }, () =>
    failure(wrapper.unwrap(randomBytes(32), acme), 'ERR_KEY_UNAVAILABLE', []),
  );
  const errors = await Promise.all(unwraps);
  expect(performance.now() - start).toBeLessThan(10_000);
  expect(errors.map(({ message }) => message).join()).toContain('too many calls wait');
  answerAll();
  await sleep(10);
  expect(calls.now).toBe(0);
});

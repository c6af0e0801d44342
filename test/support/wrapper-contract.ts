import { randomBytes } from 'node:crypto';
import { isVaultError, type KeyWrapper } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { rejection } from './fixtures.ts';
import { expectNone } from './printed.ts';

export interface WrapperTarget {
  /** Called in each test, when the server runs. */
  wrapper(): KeyWrapper;
  /** Another key of the same service. */
  otherKey(): KeyWrapper;
  /** Whether the service refuses a wrapped key in another tenant's context. */
  readonly bindsTenant: boolean;
  /** What must not be shown: tokens, keys. */
  secrets?(): readonly string[];
}

const acme = { tenantId: 'acme' };
const beta = { tenantId: 'beta' };

/** Every text that bytes could be shown as. */
export function textsOf(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const forms = ['base64', 'base64url', 'hex'] as const;
  // In a longer text the last characters depend on what follows; Node shows a Buffer by bytes.
  const inspected = [...buffer.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0'));
  const listed = [...buffer.subarray(0, 8)].join(', ');
  return [
    ...forms.map((form) => buffer.toString(form).slice(0, 40)),
    inspected.join(' '),
    listed,
    listed.replaceAll(' ', ''),
  ];
}

/** The error of a call, which must have that code and show no secret. */
export async function failure(
  promise: Promise<unknown>,
  code: string,
  secrets: readonly string[],
): Promise<Error> {
  const error = (await rejection(promise)) as Error;
  expect(isVaultError(error), String(error)).toBe(true);
  expect(error).toMatchObject({ code });
  expect(error.cause).toBeUndefined();
  expectNone(secrets, error);
  return error;
}

/** What all wrappers have in common. */
export function describeWrapper(name: string, target: WrapperTarget): void {
  const { bindsTenant, secrets = () => [] } = target;

  describe(`the contract of a wrapper: ${name}`, () => {
    it('unwraps what it wrapped', async () => {
      const wrapper = target.wrapper();
      for (const tenantId of ['acme', 'default', 'Zoë & Söhne €', 'x'.repeat(128)]) {
        const key = randomBytes(32);
        const wrapped = await wrapper.wrap(key, { tenantId });
        expect(wrapped).toBeInstanceOf(Uint8Array);
        expect(Buffer.from(wrapped).includes(key)).toBe(false);
        const again = await wrapper.unwrap(wrapped, { tenantId });
        expect(Buffer.from(again).equals(key)).toBe(true);
      }
    });

    it('wraps differently each time', async () => {
      const wrapper = target.wrapper();
      const key = randomBytes(32);
      const [one, two] = [await wrapper.wrap(key, acme), await wrapper.wrap(key, acme)];
      expect(Buffer.from(one).equals(two)).toBe(false);
    });

    it('keeps no memory in common with its caller', async () => {
      const wrapper = target.wrapper();
      const key = randomBytes(32);
      const copy = Buffer.from(key);
      const wrapped = await wrapper.wrap(key, acme);
      expect(key.equals(copy)).toBe(true);
      (await wrapper.unwrap(wrapped, acme)).fill(0);
      expect(Buffer.from(await wrapper.unwrap(wrapped, acme)).equals(copy)).toBe(true);
    });

    it.runIf(bindsTenant)('refuses the wrapped key of another tenant', async () => {
      const wrapper = target.wrapper();
      const key = randomBytes(32);
      const wrapped = await wrapper.wrap(key, acme);
      const hidden = [...secrets(), ...textsOf(key), ...textsOf(wrapped)];
      await failure(wrapper.unwrap(wrapped, beta), 'ERR_DECRYPTION_FAILED', hidden);
    });

    it('refuses a damaged wrapped key', async () => {
      const wrapper = target.wrapper();
      const wrapped = Buffer.from(await wrapper.wrap(randomBytes(32), acme));
      const last = wrapped.length - 1;
      const altered = Buffer.from(wrapped);
      altered[last - 10] = (altered[last - 10] ?? 0) ^ 1;
      for (const damaged of [altered, wrapped.subarray(0, 5), randomBytes(wrapped.length)]) {
        const hidden = [...secrets(), ...(damaged.length > 20 ? textsOf(damaged) : [])];
        await failure(wrapper.unwrap(damaged, acme), 'ERR_DECRYPTION_FAILED', hidden);
      }
    });

    it('does not unwrap what another key wrapped', async () => {
      const wrapped = await target.otherKey().wrap(randomBytes(32), acme);
      const error = await rejection(target.wrapper().unwrap(wrapped, acme));
      expect(['ERR_DECRYPTION_FAILED', 'ERR_KEY_UNAVAILABLE']).toContain(
        (error as { code?: string }).code,
      );
    });

    it('checks its arguments', async () => {
      const wrapper = target.wrapper();
      const wrapped = await wrapper.wrap(randomBytes(32), acme);
      const wrong = { code: 'ERR_INVALID_ARGUMENT' };
      const key = randomBytes(32);
      for (const bytes of [randomBytes(16), randomBytes(33), 'x'.repeat(32), null]) {
        await expect(wrapper.wrap(bytes as Uint8Array, acme)).rejects.toMatchObject(wrong);
      }
      for (const bytes of ['text', undefined, [1, 2]]) {
        await expect(wrapper.unwrap(bytes as never, acme)).rejects.toMatchObject(wrong);
      }
      for (const context of [{ tenantId: { $ne: null } }, { tenantId: '' }, {}, undefined]) {
        await expect(wrapper.wrap(key, context as never)).rejects.toMatchObject(wrong);
        await expect(wrapper.unwrap(wrapped, context as never)).rejects.toMatchObject(wrong);
      }
    });

    it('shows its id and nothing else', () => {
      const wrapper = target.wrapper();
      expect(wrapper.id).toMatch(/^(aws|vault|gcp|azure|local):\S+$/);
      expect(target.otherKey().id).not.toBe(wrapper.id);
      expectNone(secrets(), wrapper);
    });

    it('wraps anew where it can', async () => {
      const wrapper = target.wrapper();
      if (wrapper.rewrap === undefined) return;
      const wrapped = await wrapper.wrap(randomBytes(32), acme);
      expect(await wrapper.rewrap([{ wrapped, context: acme }])).toEqual([undefined]);
      expect(await wrapper.rewrap([])).toEqual([]);
    });
  });
}

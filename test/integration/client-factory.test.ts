import { defineClientFactory, defineProvider, getTwilioClient } from 'provider-vault';
import { credentialFingerprint, FakeTwilio } from 'provider-vault/testing';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { accountSid, authToken, memoryVault } from '../support/fixtures.ts';

/** An SDK as many are: one class, one key. */
class Stripe {
  readonly secretKey: string;

  constructor(secretKey: string) {
    this.secretKey = secretKey;
  }
}
const stripe = defineProvider({
  name: 'stripe',
  fields: { secretKey: { label: 'Secret key', secret: true, env: 'STRIPE_SECRET_KEY' } },
  complete: [['secretKey']],
});

describe('defineClientFactory', () => {
  it('makes the client of a third SDK in a few lines', async () => {
    const getStripeClient = defineClientFactory(
      stripe,
      ({ fields }) => new Stripe(fields.secretKey),
    );
    const { vault } = memoryVault();
    await vault.put('acme', stripe, { secretKey: 'one' });
    const client = await getStripeClient(vault, { tenantId: 'acme', env: {} });
    expect(client).toBeInstanceOf(Stripe);
    expect(client.secretKey).toBe('one');

    const env = { STRIPE_SECRET_KEY: 'two' };
    expect((await getStripeClient(vault, { env })).secretKey).toBe('two');
    await expect(getStripeClient(vault, { env: {} })).rejects.toMatchObject({
      code: 'ERR_NOT_CONFIGURED',
    });
  });

  /** A factory that counts what it builds. */
  function counting() {
    const build = vi.fn(async ({ fields }: { fields: { secretKey: string } }) => {
      await Promise.resolve();
      return new Stripe(fields.secretKey);
    });
    return { build, get: defineClientFactory(stripe, build) };
  }

  it('builds one client for callers that ask at the same time', async () => {
    const { build, get } = counting();
    const { vault } = memoryVault();
    await vault.put('acme', stripe, { secretKey: 'one' });
    const ask = () => get(vault, { tenantId: 'acme' });
    const clients = await Promise.all(Array.from({ length: 50 }, ask));
    expect(new Set(clients).size).toBe(1);
    expect(build).toHaveBeenCalledTimes(1);

    await vault.put('acme', stripe, { secretKey: 'two' });
    const replaced = await Promise.all(Array.from({ length: 50 }, ask));
    expect(new Set(replaced.map(({ secretKey }) => secretKey))).toEqual(new Set(['two']));
    expect(new Set(replaced).size).toBe(1);
    expect(build).toHaveBeenCalledTimes(2);
  });

  it('drops the client of replaced credentials', async () => {
    const { build, get } = counting();
    const { vault } = memoryVault();
    for (const secretKey of ['one', 'two', 'one']) {
      await vault.put('acme', stripe, { secretKey });
      expect((await get(vault, { tenantId: 'acme' })).secretKey).toBe(secretKey);
    }
    expect(build).toHaveBeenCalledTimes(3);
  });

  it('keeps apart vaults, tenants, sources and options', async () => {
    const { build, get } = counting();
    const [one, two] = [memoryVault().vault, memoryVault().vault];
    for (const vault of [one, two]) {
      await vault.put('a', stripe, { secretKey: 'same' });
      await vault.put('default', stripe, { secretKey: 'same' });
    }
    const env = { STRIPE_SECRET_KEY: 'same' };
    const clients = [
      await get(one, { tenantId: 'a' }),
      await get(two, { tenantId: 'a' }),
      await get(one, { env: {} }),
      await get(one, { env }),
      await get(one, { tenantId: 'a', retries: 1 } as object),
      await get(one, { tenantId: 'a', retries: '1' } as object),
    ];
    expect(new Set(clients).size).toBe(6);
    expect(await get(one, { env, envOverride: 'all', tenantId: 'a' })).not.toBe(clients[0]);
    expect(await get(one, { tenantId: 'a', retries: 1 } as object)).toBe(clients[4]);
    expect(build).toHaveBeenCalledTimes(7);
  });

  it('keeps 500 clients of a vault, those used last', async () => {
    const { build, get } = counting();
    const { vault } = memoryVault();
    const ask = (n: number) => get(vault, { tenantId: `t${n}` });
    for (let n = 0; n <= 500; n++) {
      await vault.put(`t${n}`, stripe, { secretKey: `key ${n}` });
      if (n === 500) await ask(0); // used again: the one of t1 is the oldest now
      await ask(n);
    }
    expect(build).toHaveBeenCalledTimes(501);
    await ask(0);
    expect(build).toHaveBeenCalledTimes(501);
    await ask(1);
    expect(build).toHaveBeenCalledTimes(502);
  });

  it('does not keep a failure', async () => {
    const build = vi
      .fn<(credentials: { fields: { secretKey: string } }) => Stripe>()
      .mockImplementationOnce(() => {
        throw new Error('not yet');
      })
      .mockImplementation(({ fields }) => new Stripe(fields.secretKey));
    const get = defineClientFactory(stripe, build);
    const { vault } = memoryVault();
    await vault.put('acme', stripe, { secretKey: 'one' });
    await expect(get(vault, { tenantId: 'acme' })).rejects.toThrow('not yet');
    expect(await get(vault, { tenantId: 'acme' })).toBeInstanceOf(Stripe);
  });

  it('rejects anything but an object of options', async () => {
    const { get } = counting();
    const { vault } = memoryVault();
    for (const options of ['acme', null, ['acme'], { env: 'production' }, { envOverride: 'yes' }]) {
      await expect(get(vault, options as never)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    }
  });
});

it('never mixes up two tenants of Twilio, however their messages interleave', async () => {
  const twilio = await FakeTwilio.start({
    accounts: [1, 2].map((n) => ({ accountSid: accountSid(n), authToken: authToken(n) })),
  });
  afterAll(() => twilio.close());
  const { vault } = memoryVault();
  for (const n of [1, 2]) {
    await vault.put(`t${n}`, 'twilio', { accountSid: accountSid(n), authToken: authToken(n) });
  }
  const client = twilio.clientOptions(); // shared by both, as a pool would be
  const sends = Array.from({ length: 200 }, async (_, index) => {
    const n = (index % 2) + 1;
    const tenant = await getTwilioClient(vault, { tenantId: `t${n}`, client });
    await tenant.messages.create({ to: '+14155550100', from: '+15005550006', body: `of ${n}` });
  });
  await Promise.all(sends);
  expect(twilio.messages).toHaveLength(200);
  for (const { accountSid: sid, body } of twilio.messages) {
    expect(body).toBe(sid === accountSid(1) ? 'of 1' : 'of 2');
  }
  for (const { accountSid: sid, credential } of twilio.requests) {
    expect(credential).toBe(credentialFingerprint(authToken(sid === accountSid(1) ? 1 : 2)));
  }
});

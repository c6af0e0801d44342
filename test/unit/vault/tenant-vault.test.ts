import { SecretsVault } from 'provider-vault';
import { expect, it } from 'vitest';
import { accountSid, authToken, memoryVault } from '../../support/fixtures.ts';

it('is a vault of one tenant', async () => {
  const { vault } = memoryVault();
  const acme = vault.tenant('acme');
  const none = { env: {} };
  await acme.put('twilio', { accountSid: accountSid(1), authToken: authToken(1) });
  await acme.patch('twilio', { phoneNumber: '+1' });
  await acme.applyForm('twilio', { authToken: authToken(2) }, none);
  await acme.setSecret('any', 'x');
  await acme.setSecrets({ other: 'y' });

  expect((await acme.get('twilio'))?.authToken).toBe(authToken(2));
  expect((await acme.require('twilio')).phoneNumber).toBe('+1');
  expect(await acme.getSecret('any')).toBe('x');
  expect(Object.keys((await acme.getAllSecrets()).reveal())).toHaveLength(5);
  expect(
    (await acme.getMany(['custom', 'smtp'])).map(({ credentials }) => credentials !== undefined),
  ).toEqual([true, false]);
  expect((await acme.list()).map(({ provider }) => provider)).toEqual(['custom', 'twilio']);
  expect((await acme.status('twilio', none)).rev).toBe(3);
  expect(await acme.status(undefined, none)).toEqual(await vault.status('acme', undefined, none));
  expect((await acme.history('twilio')).map(({ rev }) => rev)).toEqual([2, 1]);
  expect((await acme.rollback('twilio', 1)).rev).toBe(4);
  expect(await acme.purgeHistory('twilio')).toBe(true);
  expect(acme.checkForm('twilio', { accountSid: 'x' })).toHaveProperty('accountSid');
  expect(await acme.deleteSecret('any')).toBe(true);
  acme.invalidate('twilio');
  expect(await acme.delete('twilio')).toBe(true);
  expect(await vault.list('other')).toEqual([]);
});

it('has every method of the vault that is about one tenant', () => {
  const { vault } = memoryVault();
  const methodsOf = (prototype: object) =>
    Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
  const handle = vault.tenant('acme');
  const ofVault = methodsOf(SecretsVault.prototype).filter(
    (name) => !['tenant', 'close', 'findTenants'].includes(name),
  );
  expect(methodsOf(Object.getPrototypeOf(handle)).sort()).toEqual(ofVault.sort());
});

it.each([{ $ne: null }, '', null, 'a\nb', '__proto__'])('refuses the tenant %j', (tenantId) => {
  const { vault } = memoryVault();
  expect(() => vault.tenant(tenantId as string)).toThrow(
    expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
  );
});

import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeSendGrid, startFakeSendGrid } from '../../../src/testing/fake-sendgrid.ts';
import {
  EU,
  FULL,
  KEYS,
  keyOf,
  MAIL,
  MailService,
  READ_ONLY,
  serviceOf,
} from './sendgrid-fixture.ts';

let fake: FakeSendGrid;

beforeEach(async () => {
  fake = await startFakeSendGrid({ keys: KEYS });
});

afterEach(() => fake.close());

describe('keys', () => {
  test('a wrong one, one of no right and none at all', async () => {
    await expect(serviceOf(fake, keyOf('x')).send({ ...MAIL })).rejects.toMatchObject({
      code: 401,
      message: 'Unauthorized',
      response: {
        body: {
          errors: [
            {
              message: 'The provided authorization grant is invalid, expired, or revoked',
              field: null,
              help: null,
            },
          ],
        },
      },
    });
    await expect(serviceOf(fake, READ_ONLY).send({ ...MAIL })).rejects.toMatchObject({
      code: 403,
      response: { body: { errors: [{ message: 'access forbidden' }] } },
    });
    const bare = new MailService();
    bare.client.setDefaultRequest('baseUrl', fake.url);
    await expect(bare.send({ ...MAIL })).rejects.toMatchObject({
      code: 401,
      response: { body: { errors: [{ message: 'authorization required' }] } },
    });
    const basic = await fetch(`${fake.url}/v3/scopes`, {
      headers: { authorization: `Basic ${btoa('a:b')}` },
    });
    expect(basic.status).toBe(401);
    expect(fake.requests.map(({ auth }) => auth)).toEqual(['bearer', 'bearer', 'none', 'basic']);
    expect(fake.requests[2]?.credential).toBe('');
    expect(fake.mails).toEqual([]);
  });

  test('their scopes are read with any of them, the account with the right one', async () => {
    const { client } = serviceOf(fake, READ_ONLY);
    const [, scopes] = await client.request({ url: '/v3/scopes' });
    expect(scopes).toEqual({ scopes: ['user.account.read'] });
    const [, account] = await client.request({ url: '/v3/user/account' });
    expect(account).toEqual({ type: 'paid', reputation: 100 });
    const limited = await startFakeSendGrid({ keys: [{ apiKey: FULL, scopes: [] }] });
    const service = limited.route(new MailService());
    service.setApiKey(FULL);
    await expect(service.client.request({ url: '/v3/user/account' })).rejects.toMatchObject({
      code: 403,
    });
    await limited.close();
  });

  test('are in no record, JSON or inspection of the stand-in', async () => {
    await serviceOf(fake, FULL).send({ ...MAIL });
    for (const value of [fake, fake.requests, fake.mails]) {
      const printed = JSON.stringify(value) + inspect(value, { depth: null, showHidden: true });
      expect(printed).not.toContain(FULL);
    }
    expect(inspect(fake)).toBe(`FakeSendGrid { url: '${fake.url}', requests: 1, mails: 1 }`);
  });

  test('of the wrong form are refused without being shown', async () => {
    for (const keys of [
      [{ apiKey: '' }],
      [{ apiKey: `${FULL} ` }],
      [{ apiKey: FULL }, { apiKey: FULL }],
    ]) {
      const error = await startFakeSendGrid({ keys }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(TypeError);
      expect(String(error)).not.toContain(FULL);
    }
  });
});

describe('route', () => {
  test('outlasts a new key and another data residency, which are checked', async () => {
    const service = fake.route(new MailService());
    service.setApiKey(FULL);
    await service.send({ ...MAIL });
    service.client.setDataResidency('eu');
    await expect(service.send({ ...MAIL })).rejects.toMatchObject({ code: 401 });
    service.setApiKey(EU);
    await service.send({ ...MAIL });
    expect(fake.requests).toMatchObject([
      { host: 'api.sendgrid.com', region: 'global', status: 202 },
      { host: 'api.eu.sendgrid.com', region: 'eu', status: 401 },
      { host: 'api.eu.sendgrid.com', region: 'eu', status: 202 },
    ]);
    expect(fake.mails.map(({ region }) => region)).toEqual(['global', 'eu']);
  });

  test('takes a client too, leads elsewhere when called again, and keeps to paths', async () => {
    const other = await startFakeSendGrid({ keys: [{ apiKey: FULL }] });
    const service = new MailService();
    service.setApiKey(FULL);
    fake.route(service.client);
    await service.send({ ...MAIL });
    other.route(service);
    await service.send({ ...MAIL });
    expect([fake.mails.length, other.mails.length]).toEqual([1, 1]);
    expect(other.requests).toMatchObject([{ host: 'api.sendgrid.com' }]);
    await other.close();
    const url = 'https://api.sendgrid.com/v3/scopes';
    expect(() => service.client.request({ url })).toThrow(/answers for paths/);
    expect(() => fake.route({})).toThrow(TypeError);
  });

  test('does not touch other services', async () => {
    fake.route(new MailService());
    const plain = serviceOf(fake, FULL);
    await plain.send({ ...MAIL });
    expect(fake.requests[0]).not.toHaveProperty('host');
  });
});

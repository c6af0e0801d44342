import { createRequire } from 'node:module';
import twilio from 'twilio';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FakeTwilio, startFakeTwilio } from '../../../src/testing/fake-twilio.ts';
import { ACCOUNTS, ACME, clientOf, SMS, tokenOf } from './twilio-fixture.ts';

let fake: FakeTwilio;

beforeEach(async () => {
  fake = await startFakeTwilio({ accounts: ACCOUNTS });
});

afterEach(() => fake.close());

describe('requests', () => {
  test('are recorded as they came', async () => {
    await clientOf(fake, ACME).messages.create({ ...SMS, persistentAction: ['a', 'b'] });
    const [request] = fake.requests;
    expect(request).toEqual({
      method: 'POST',
      path: `/2010-04-01/Accounts/${ACME}/Messages.json`,
      query: {},
      accountSid: ACME,
      auth: 'token',
      username: ACME,
      credential: expect.stringMatching(/^[0-9a-f]{12}$/),
      host: 'api.twilio.com',
      region: 'us1',
      contentType: 'application/x-www-form-urlencoded',
      userAgent: expect.stringMatching(/^twilio-node\/6\./),
      body: { To: SMS.to, From: SMS.from, Body: SMS.body, PersistentAction: 'b' },
      form: expect.arrayContaining([
        ['PersistentAction', 'a'],
        ['PersistentAction', 'b'],
      ]),
      status: 201,
    });
    expect(Object.isFrozen(request) && Object.isFrozen(request?.body)).toBe(true);
  });

  test('without authentication, of no account, or for no resource', async () => {
    const get = (path: string, init?: RequestInit) => fetch(fake.url + path, init);
    const account = `/2010-04-01/Accounts/${ACME}`;
    const authorization = `Basic ${btoa(`${ACME}:${tokenOf(ACME)}`)}`;

    const bare = await get(`${account}.json`);
    expect(bare.status).toBe(401);
    expect(bare.headers.get('www-authenticate')).toBe('Basic realm="Twilio API"');
    expect(bare.headers.get('twilio-request-id')).toMatch(/^RQ[0-9a-f]{32}$/);
    for (const scheme of ['Bearer abc', 'Basic', `Basic ${btoa('no colon')}`]) {
      const answer = await get(`${account}.json`, { headers: { authorization: scheme } });
      expect(answer.status).toBe(401);
    }
    const unknown = await get('/v2/Services');
    expect([unknown.status, await unknown.json()]).toEqual([
      404,
      {
        code: 20404,
        message: 'The requested resource /v2/Services was not found',
        more_info: 'https://www.twilio.com/docs/errors/20404',
        status: 404,
      },
    ]);
    const headers = { authorization };
    expect((await get(`${account}/Queues.json`, { headers })).status).toBe(404);
    const wrongMethod = await get(`${account}/Messages.json`, { headers, method: 'DELETE' });
    expect([wrongMethod.status, await wrongMethod.json()]).toEqual([
      405,
      expect.objectContaining({ code: 20004 }),
    ]);
    const tooMany = await get(`${account}/Messages.json?PageSize=1001`, { headers });
    expect(await tooMany.json()).toMatchObject({ code: 20007 });
    expect(fake.requests[0]).toMatchObject({ auth: 'none', username: '', credential: '' });
    expect(fake.requests[0]).not.toHaveProperty('host');
  });
});

describe('the client options', () => {
  test('load the SDK by themselves, in ESM and as CommonJS', async () => {
    await twilio(ACME, tokenOf(ACME), fake.clientOptions()).messages.create(SMS);
    const required = createRequire(import.meta.url)('twilio') as typeof twilio;
    await required(ACME, tokenOf(ACME), fake.clientOptions(required)).messages.create(SMS);
    expect(fake.messages).toHaveLength(2);
  });

  test('keep what the SDK remembers of its last request', async () => {
    const client = clientOf(fake, ACME);
    expect(client.httpClient.lastRequest).toBeUndefined();
    await client.messages.create(SMS);
    expect(client.httpClient.lastRequest?.method).toBe('post');
    expect(client.httpClient.lastResponse?.statusCode).toBe(201);
  });

  test('take no request for another host', async () => {
    const { httpClient } = fake.clientOptions(twilio);
    for (const uri of [
      'https://example.com/',
      'https://twilio.com.example.com/',
      'http://api.twilio.com/',
    ]) {
      await expect(httpClient.request({ method: 'get', uri })).rejects.toThrow(
        /does not answer for/,
      );
    }
    await expect(
      twilio(ACME, tokenOf(ACME), fake.clientOptions(twilio)).verify.v2.services.list(),
    ).rejects.toMatchObject({ status: 404, code: 20404 });
    expect(fake.requests).toMatchObject([{ host: 'verify.twilio.com' }]);
  });
});

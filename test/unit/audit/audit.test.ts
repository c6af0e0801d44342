import { type AuditEvent, getTwilioClient, type SecretInfo, SecretsVault } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { audited } from '../../support/audited.ts';
import { accountSid, authToken, memoryVault } from '../../support/fixtures.ts';

const twilio = { accountSid: accountSid(1), authToken: authToken(1) };
const none = { env: {} };

const by = { actor: 'ann', reason: 'case 17' };
const both = ['accountSid', 'authToken'];

describe('every operation is one event', () => {
  type Case = [
    string,
    (vault: SecretsVault, stored: SecretInfo) => Promise<unknown>,
    Partial<AuditEvent>[],
  ];
  const cases: Case[] = [
    ['get', (v) => v.get('a', 'twilio', by), [{ action: 'get', fields: both, rev: 1 }]],
    ['get of nothing', (v) => v.get('a', 'smtp', by), [{ action: 'get', fields: [] }]],
    ['require', (v) => v.require('a', 'twilio', by), [{ action: 'get', fields: both, rev: 1 }]],
    ['put', (v) => v.put('a', 'twilio', {}, by), [{ action: 'put', fields: [], rev: 2 }]],
    [
      'put over a known record',
      (v, { etag: ifMatch }) => v.put('a', 'twilio', twilio, { ...by, ifMatch }),
      [{ action: 'put', fields: both, rev: 2 }],
    ],
    [
      'patch',
      (v) => v.patch('a', 'twilio', { authToken: null }, by),
      [{ action: 'patch', fields: ['authToken'], rev: 2 }],
    ],
    [
      'applyForm',
      (v) => v.applyForm('a', 'twilio', { accountSid: '', authToken: 'x' }, { ...by, ...none }),
      [{ action: 'patch', fields: ['authToken'], rev: 2 }],
    ],
    ['delete', (v) => v.delete('a', 'twilio', by), [{ action: 'delete', fields: [] }]],
    ['list', (v) => v.list('a', by), [{ action: 'list', provider: '*' }]],
    [
      'list of a tenant without records',
      (v) => v.list('nobody', by),
      [{ action: 'list', tenantId: 'nobody', provider: '*' }],
    ],
    ['history', (v) => v.history('a', 'twilio', by), [{ action: 'history', fields: [] }]],
    [
      'status',
      (v) => v.status('a', 'twilio', { ...by, ...none }),
      [{ action: 'status', fields: both, rev: 1 }],
    ],
    [
      'status of all',
      (v) => v.status('a', undefined, { ...by, ...none }),
      [{ action: 'status', provider: 'twilio', fields: both, rev: 1 }],
    ],
    [
      'getSecret',
      (v) => v.getSecret('a', 'twilio_auth_token', by),
      [{ action: 'get', provider: 'twilio', fields: ['authToken'], rev: 1 }],
    ],
    ['getAllSecrets', (v) => v.getAllSecrets('a', by), [{ action: 'get', fields: both, rev: 1 }]],
    [
      'getAllSecrets of a tenant without records',
      (v) => v.getAllSecrets('nobody', by),
      [{ action: 'get', tenantId: 'nobody', provider: '*' }],
    ],
    [
      'setSecrets',
      (v) => v.setSecrets('a', { twilio_auth_token: 'x', other: 'y' }, by),
      [
        { action: 'patch', provider: 'custom', fields: ['other'], rev: 1 },
        { action: 'patch', provider: 'twilio', fields: ['authToken'], rev: 2 },
      ],
    ],
    [
      'deleteSecret',
      (v) => v.deleteSecret('a', 'twilio_auth_token', by),
      [{ action: 'delete', provider: 'twilio', fields: ['authToken'], rev: 2 }],
    ],
    [
      'getMany',
      (v) =>
        v.getMany(
          [
            { tenantId: 'a', provider: 'twilio' },
            { tenantId: 'b', provider: 'x' },
          ],
          by,
        ),
      [
        { action: 'get', fields: both, rev: 1 },
        { action: 'get', tenantId: 'b', provider: 'x', fields: [] },
      ],
    ],
  ];

  it.each(
    cases.flatMap(([name, ...rest]) =>
      (['best-effort', 'strict'] as const).map((mode) => [name, mode, ...rest] as const),
    ),
  )('%s, in mode %s', async (_name, mode, operate, expected) => {
    const { events, published, sink, faulty, keys } = audited();
    const vault = new SecretsVault({ store: faulty.store, keys, audit: { sink, mode } });
    const stored = await vault.put('a', 'twilio', twilio);
    events.length = 0;
    published.length = 0;
    await operate(vault, stored);
    events.sort((a, b) => (a.tenantId + a.provider < b.tenantId + b.provider ? -1 : 1));
    const common = { at: expect.any(Date), tenantId: 'a', outcome: 'ok', source: 'vault', ...by };
    expect(events).toMatchObject(expected.map((event) => ({ ...common, ...event })));
    expect(published).toHaveLength(expected.length);
  });

  it('rollback names what it wrote', async () => {
    const { vault, events } = audited();
    await vault.put('a', 'custom', { x: '1' });
    await vault.put('a', 'custom', { y: '2' });
    await vault.rollback('a', 'custom', 1);
    expect(events.at(-1)).toMatchObject({
      action: 'rollback',
      fields: ['x'],
      rev: 3,
      outcome: 'ok',
    });
  });

  it('a client from the environment is an override', async () => {
    const { vault, events } = audited();
    const env = { TWILIO_ACCOUNT_SID: accountSid(1), TWILIO_AUTH_TOKEN: authToken(1) };
    await getTwilioClient(vault, { env });
    expect(events).toMatchObject([
      { action: 'override', tenantId: 'default', fields: both, source: 'environment' },
    ]);
  });

  it('a read from the cache says so', async () => {
    const { vault, events } = audited({ cache: { ttlMs: 1_000 } });
    await vault.put('a', 'custom', { x: '1' });
    await vault.get('a', 'custom');
    await vault.get('a', 'custom');
    await vault.getMany([{ tenantId: 'a', provider: 'custom' }]);
    expect(events.map(({ source }) => source)).toEqual(['vault', 'vault', 'cache', 'cache']);
    vault.invalidate();
    events.length = 0;
    await Promise.all([vault.get('a', 'custom'), vault.get('a', 'custom')]);
    expect(events.map(({ source }) => source)).toEqual(['vault', 'vault']); // one call for both
  });

  it('a delete of nothing says so', async () => {
    const { vault, events } = audited();
    expect(await vault.delete('a', 'custom')).toBe(false);
    const refused = { outcome: 'refused', code: 'ERR_SECRET_NOT_FOUND' };
    expect(events).toMatchObject([{ action: 'delete', ...refused }]);
  });

  it('cannot be changed by who gets it first', async () => {
    const { vault, events } = audited();
    await vault.put('a', 'custom', { x: '1' });
    expect(Object.isFrozen(events[0])).toBe(true);
  });
});

it('costs nothing where nobody listens', async () => {
  let asked = 0;
  const clock = () => {
    asked++;
    return 0;
  };
  const { vault } = memoryVault({ now: clock });
  await vault.put('a', 'custom', { x: '1' });
  const before = asked;
  await vault.get('a', 'custom');
  expect(asked).toBe(before);
});

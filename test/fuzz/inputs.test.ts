import fc from 'fast-check';
import {
  migrateFromSettings,
  SecretsVault,
  type VaultErrorCode,
  verifyTwilioWebhook,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { accountSid, authToken, memoryVault } from '../support/fixtures.ts';
import { altered, anything, bent, inputs } from '../support/fuzz.ts';
import { inTime, outcome } from '../support/outcome.ts';
import { settingsRows } from '../support/settings-rows.ts';
import { twilioSignature } from '../support/twilio-signature.ts';
import { changesOnlyNamed, keptOrRefused, twilioForgeryRefused } from './properties.ts';

const INVALID: VaultErrorCode[] = ['ERR_INVALID_ARGUMENT'];
const field = fc.oneof(
  fc.constantFrom(
    'host',
    'number',
    'password',
    'a',
    '__proto__',
    'constructor',
    '$bind',
    'a.b',
    '',
  ),
  fc.string(),
);
const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', null, '••••1234'),
  anything(),
);
const bundle = fc.oneof(
  fc.dictionary(field, value, { maxKeys: 4, noNullPrototype: false }),
  anything(),
);

it('what is put comes back as it was, or is refused', async () => {
  await fc.assert(fc.asyncProperty(bundle, keptOrRefused), inputs(500));
});

it('a patch, a form and flat keys change what they name, or nothing', async () => {
  await fc.assert(fc.asyncProperty(bundle, changesOnlyNamed), inputs(400));
});

it('names of every form are a tenant of their own, or are refused', async () => {
  const { vault } = memoryVault();
  await vault.put('acme', 'custom', { a: 'of acme' });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary' }), anything()), async (name) => {
      fc.pre(name !== 'acme');
      const reading: (() => Promise<unknown>)[] = [
        () => vault.get(name as string, 'custom'),
        () => vault.getAllSecrets(name as string),
        () => vault.status(name as string, 'custom'),
        () => vault.getMany([{ tenantId: name as string, provider: 'custom' }]),
      ];
      for (const read of reading) {
        const got = await outcome(INVALID, read);
        expect(JSON.stringify(got)).not.toContain('of acme');
      }
      await outcome([...INVALID, 'ERR_MALFORMED'], () => vault.get('acme', name as string));
      await outcome(INVALID, () => vault.put('acme', 'custom', { a: 'of acme' }, name as never));
    }),
    inputs(500),
  );
});

describe('settings documents', () => {
  const keys = fc.constantFrom(
    'user_id',
    'tenant_id',
    'twilio_account_sid',
    'twilio_auth_token',
    'sendgrid_api_key',
    'smtp_port',
    'smtp_password',
    'my_secret_key',
    '__proto__',
  );
  const settingsValue = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'acme',
      accountSid(1),
      authToken(1),
      '••••1234',
      '[redacted]',
      false,
      587,
      null,
    ),
    anything(),
  );
  const row = fc.dictionary(keys, settingsValue, { maxKeys: 6, noNullPrototype: true });

  it('of any form are moved or named, and what is erased can be read in the vault', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 4 }), async (rows) => {
        const { vault } = memoryVault();
        const source = settingsRows(...rows.map((each) => ({ ...each })));
        const before = source.rows.map((each) => ({ ...each }));
        const report = await inTime(() =>
          migrateFromSettings(vault, { settings: source, erase: true }),
        );
        for (const [index, left] of source.rows.entries()) {
          for (const [name, was] of Object.entries(before[index] as object)) {
            if (name in left) continue;
            const tenant = String((before[index] as Record<string, unknown>).user_id);
            const flat = (await vault.getAllSecrets(tenant)) as Record<string, string>;
            expect(flat[name]).toBe(String(was).trim());
          }
        }
        const again = await migrateFromSettings(vault, { settings: source, erase: true });
        expect({ migrated: again.migrated, erased: again.erased }).toEqual({
          migrated: 0,
          erased: 0,
        });
        expect(report.failedCount).toBeGreaterThanOrEqual(0);
      }),
      inputs(300),
    );
  });
});

it('no webhook is accepted that the tenant did not sign', async () => {
  const { vault } = memoryVault();
  await vault.put('acme', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
  const params = fc.oneof(fc.dictionary(fc.string(), anything(), { maxKeys: 4 }), anything());
  const url = fc.oneof(fc.webUrl(), fc.string(), anything());
  const signature = fc.oneof(fc.base64String({ minLength: 28, maxLength: 28 }), anything());
  await fc.assert(
    fc.asyncProperty(params, url, signature, (body, at, signed) =>
      twilioForgeryRefused(vault, { signature: signed, url: at, params: body }),
    ),
    inputs(400),
  );
});

it('no webhook of Twilio is accepted with anything of it altered', async () => {
  const { vault } = memoryVault();
  await vault.put('acme', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) });
  const params = {
    AccountSid: accountSid(1),
    From: '+14155550100',
    Body: 'Hello',
    To: 'whatsapp:x',
  };
  const [origin, path] = ['https://crm.example', '/sms?of=acme'];
  const signature = twilioSignature(authToken(1), origin + path, params);
  const genuine = { signature, url: origin + path, params };
  const verified = await verifyTwilioWebhook(vault, { ...genuine, tenantId: 'acme', env: {} });
  expect(verified.ok).toBe(true);
  const odd = fc.oneof(
    fc.nat().map((at) => ({ ...genuine, url: origin + bent(path, at) })),
    altered({ signature, params }).map((rest) => ({ url: origin + path, ...rest })),
  );
  await fc.assert(
    fc.asyncProperty(odd, (webhook) => twilioForgeryRefused(vault, webhook)),
    inputs(400),
  );
});

it('options of every form make a vault, or are refused', async () => {
  const { store, keys } = memoryVault();
  const names = [
    'store',
    'keys',
    'unbound',
    'audit',
    'cache',
    'providers',
    'settings',
    'history',
    'lookupKey',
    'now',
    'maxClients',
  ];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), anything(), async (name, odd) => {
      await outcome([...INVALID, 'ERR_KEY_INVALID'], () => {
        new SecretsVault({ store, keys, [name]: odd } as never);
      });
    }),
    inputs(1_000),
  );
});

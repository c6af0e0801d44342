import {
  type ConnectionProblem,
  getSendGridClient,
  ProviderError,
  sendgridProvider,
  twilioProvider,
  type VaultErrorCode,
} from 'provider-vault';
import { connectMessage, settingsMessages } from 'provider-vault/settings';
import { describe, expect, it } from 'vitest';
import { TenantLimit } from '../../../src/settings/limits.ts';
import { problemMessage } from '../../../src/settings/messages.ts';
import { memoryVault, rejection } from '../../support/fixtures.ts';

describe('connectMessage', async () => {
  const { vault } = memoryVault();
  const missing = await rejection(getSendGridClient(vault, { tenantId: 'acme', env: {} }));

  it.each<[unknown, string | undefined, string | undefined]>([
    [missing, undefined, 'Connect Twilio in Settings.'],
    [missing, 'sms', 'Connect Twilio in Settings to send texts.'],
    [missing, 'remind people', 'Connect Twilio in Settings to remind people.'],
    [
      new ProviderError('twilio', 'x', { status: 401 }),
      'sms',
      'Check Twilio in Settings: it refuses the stored credentials.',
    ],
    [new ProviderError('twilio', 'x', { status: 500 }), 'sms', undefined],
    [new Error('x'), 'sms', undefined],
  ])('%s, %s', (error, purpose, expected) => {
    expect(connectMessage(error, twilioProvider, purpose)).toBe(expected);
  });

  it('takes a translation', () => {
    const messages = { connectTo: '{label} verbinden: {purpose}', email: 'E-Mails senden' };
    expect(connectMessage(missing, sendgridProvider, 'email', messages)).toBe(
      'SendGrid verbinden: E-Mails senden',
    );
  });

  it('has words for every capability of the built-in providers', () => {
    for (const { capabilities } of [twilioProvider, sendgridProvider]) {
      for (const name of Object.keys(capabilities)) expect(settingsMessages).toHaveProperty(name);
    }
  });
});

const problems = {
  wrong_credentials: true,
  not_allowed: true,
  suspended: true,
  unverified_sender: true,
  rate_limited: true,
  unreachable: true,
  timeout: true,
  provider_error: true,
} satisfies Record<Exclude<ConnectionProblem, VaultErrorCode>, true>;

it('has a sentence for everything that a test can find', () => {
  for (const code of [...Object.keys(problems), 'ERR_NOT_CONFIGURED', 'ERR_ENV_INCOMPLETE']) {
    expect(problemMessage(code)).toBe(code);
  }
  for (const code of ['invalid_grant', 'refresh_failed']) expect(problemMessage(code)).toBe(code);
  expect(problemMessage('ERR_BINDING')).toBe('unreadable');
  expect(problemMessage('ERR_KEY_UNAVAILABLE')).toBe('unavailable');
  for (const code of ['login', '__proto__', 'of a definition']) {
    expect(problemMessage(code)).toBe('testFailed');
  }
});

describe('TenantLimit', () => {
  it('forgets the least recent of more than 10,000 tenants', () => {
    const limit = new TenantLimit(1);
    expect(limit.take('first', 0)).toBeUndefined();
    expect(limit.take('first', 1)).toBe(60);
    for (let n = 0; n < 9_999; n++) limit.take(`tenant ${n}`, 2);
    expect(limit.take('first', 3)).toBe(60);
    limit.take('one more', 4);
    expect(limit.take('tenant 0', 5)).toBeUndefined();
    expect(limit.take('first', 6)).toBe(60);
  });
});

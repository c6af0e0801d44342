import { randomBytes } from 'node:crypto';
import { createVoiceToken, getTwilioClient, Keyring, verifyTwilioWebhook } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { accountSid, apiKeySid, memoryVault } from '../../support/fixtures.ts';

/** Whether the memory that Node shares among all small buffers holds `bytes`. */
const poolHolds = (bytes: Buffer) => Buffer.from(Buffer.from('hello').buffer).includes(bytes);

describe("Node's shared buffer pool", () => {
  it('would show bytes that go through it', () => {
    const bytes = randomBytes(32); // has memory of its own
    expect(poolHolds(bytes)).toBe(false);
    Buffer.from(bytes.toString('base64'), 'base64');
    expect(poolHolds(bytes)).toBe(true);
  });

  it('holds no key', () => {
    for (let n = 0; n < 20; n++) {
      const bytes = randomBytes(32);
      new Keyring({ encryptionKey: bytes.toString('base64') });
      expect(poolHolds(bytes)).toBe(false);
    }
  });

  it('holds no credential that a client was built from', async () => {
    for (let n = 0; n < 20; n++) {
      const token = randomBytes(16);
      const { vault } = memoryVault();
      await vault.put('one', 'twilio', {
        accountSid: accountSid(1),
        authToken: token.toString('hex'),
      });
      await getTwilioClient(vault, { tenantId: 'one', env: {} });
      const shown = Buffer.alloc(32);
      shown.write(token.toString('hex'));
      expect(poolHolds(shown)).toBe(false);
    }
  });

  it('holds no credential that signed a token, or verified a webhook', async () => {
    const { vault } = memoryVault();
    const secret = () => randomBytes(16).toString('hex');
    const [authToken, apiSecret] = [secret(), secret()];
    const apiKey = apiKeySid(1);
    await vault.put('one', 'twilio', { accountSid: accountSid(1), authToken, apiKey, apiSecret });
    const shown = (text: string) => Buffer.alloc(text.length, text);
    const webhook = { signature: 'A'.repeat(28), url: 'https://crm.example/sms', params: {} };
    for (let n = 0; n < 20; n++) {
      await createVoiceToken(vault, { tenantId: 'one', env: {}, identity: 'ann' });
      await verifyTwilioWebhook(vault, { tenantId: 'one', env: {}, ...webhook });
      expect(poolHolds(shown(authToken))).toBe(false);
      expect(poolHolds(shown(apiSecret))).toBe(false);
    }
  });
});

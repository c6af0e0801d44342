import { createHash, generateKeyPairSync } from 'node:crypto';
import { Keyring, MemorySecretStore, SecretsVault, seal } from 'provider-vault';
import { accountSid, authToken, memoryVault, uncheckedSendgrid } from '../../support/fixtures.ts';
import {
  changesOnlyNamed,
  keptOrRefused,
  keyOrRefused,
  openedOrRefused,
  recordOrRefused,
  SECRET,
  sendgridForgeryRefused,
  twilioForgeryRefused,
} from '../properties.ts';

// The properties of the tests beside this folder, for bytes that libFuzzer makes by what they reach in
// the sources. `SEEDS` are where it begins.

// Always the same, so that what an earlier run has found stays of use.
const key = createHash('sha256').update('a key for fuzzing').digest('base64');
const keys = new Keyring({ encryptionKey: key });
const { vault } = memoryVault();
const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const webhookPublicKey = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const ready = Promise.all([
  vault.put('acme', 'twilio', { accountSid: accountSid(1), authToken: authToken(1) }),
  vault.put('acme', uncheckedSendgrid, { webhookPublicKey }),
]);

/** JSON where it is some, else the text. */
function parsed(data: Buffer): unknown {
  const text = data.toString();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function object(data: Buffer): object {
  const value = parsed(data);
  return typeof value === 'object' && value !== null ? value : {};
}

export const open = (data: Buffer) => openedOrRefused(data.toString(), key);
export const keyText = async (data: Buffer) => {
  const text = data.toString();
  if (text.trim() !== key) await keyOrRefused(text, seal(SECRET, key));
};
export const record = (data: Buffer) => recordOrRefused(object(data), keys);
export const values = (data: Buffer) => keptOrRefused(parsed(data));
export const form = (data: Buffer) => changesOnlyNamed(parsed(data));
export const webhook = async (data: Buffer) => {
  await ready;
  await twilioForgeryRefused(vault, object(data));
  await sendgridForgeryRefused(vault, object(data));
};

async function sealedRecord(): Promise<object> {
  const store = new MemorySecretStore();
  const writer = new SecretsVault({ store, keys });
  await writer.put('acme', 'custom', { earlier: SECRET });
  await writer.put('acme', 'custom', { secret: SECRET });
  return (await store.list('acme'))[0] as object;
}

export const SEEDS = async (): Promise<Record<string, readonly string[]>> => {
  const params = { AccountSid: accountSid(1), From: '+14155559999', To: '+14155550100' };
  const signature = createHash('sha1').update('').digest('base64');
  const twilio = { url: 'https://crm.example/twilio', params, signature };
  const sendgrid = { timestamp: '1760000000', rawBody: '[]', signature };
  const fields = { host: 'a.example', number: '+4930123456', password: 'a password' };
  return {
    open: [seal(SECRET, key)],
    keyText: [createHash('sha256').update('other').digest('base64'), 'a'.repeat(64)],
    record: [JSON.stringify(await sealedRecord())],
    values: [JSON.stringify(fields), JSON.stringify({ token: 'x', __proto: 'ü' })],
    form: [
      JSON.stringify(fields),
      JSON.stringify({ password: null, number: '', host: '••••1234' }),
    ],
    webhook: [
      JSON.stringify(twilio),
      JSON.stringify(sendgrid),
      JSON.stringify({ ...twilio, rawBody: 'a=b' }),
    ],
  };
};

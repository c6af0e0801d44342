import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import {
  etag,
  Keyring,
  MemorySecretStore,
  type SecretMetadata,
  type SecretRecord,
  type SecretRef,
  SecretsVault,
  seal,
} from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { newKey } from '../support/fixtures.ts';
import { altered, anything, bent, inputs } from '../support/fuzz.ts';
import { outcome } from '../support/outcome.ts';
import {
  databaseWith,
  keyOrRefused,
  openedOrRefused,
  REFUSED,
  recordOrRefused,
  SECRET,
} from './properties.ts';

const key = newKey();
const keys = new Keyring({ encryptionKey: key });
const ref = { tenantId: 'acme', provider: 'custom' };

async function written(at: SecretRef, fields: Record<string, string>): Promise<SecretRecord> {
  const store = new MemorySecretStore();
  const vault = new SecretsVault({ store, keys });
  await vault.put(at.tenantId, at.provider, { earlier: fields.secret ?? '' });
  await vault.put(at.tenantId, at.provider, fields, { actor: 'ann' });
  return (await store.get(at)) as SecretRecord;
}

describe('a sealed text', () => {
  it('of any form is opened or refused', async () => {
    const sealed = seal(SECRET, key);
    const text = fc.oneof(
      anything(),
      fc.base64String(),
      fc.string(),
      fc.nat().map((at) => bent(sealed, at)),
    );
    await fc.assert(
      fc.asyncProperty(text, (data) => openedOrRefused(data, key)),
      inputs(3_000),
    );
  });

  it('under a key of any form is opened or refused', async () => {
    const sealed = seal(SECRET, key);
    const odd = fc.oneof(
      anything(),
      fc.string(),
      fc.base64String({ maxLength: 48 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.nat().map((at) => bent(key, at)),
    );
    await fc.assert(
      fc.asyncProperty(odd, (text) => keyOrRefused(text, sealed)),
      inputs(1_000),
    );
  });
});

describe('a record', () => {
  it('with anything altered gives what was stored, or is refused, and hides no other record', async () => {
    const record = await written(ref, { secret: SECRET });
    await fc.assert(
      fc.asyncProperty(altered(record), (odd) => recordOrRefused(odd, keys)),
      inputs(400),
    );
  });

  /** The sealed text with each of its bits flipped in turn. */
  function* flipped(data: string): Generator<string> {
    const bytes = Buffer.from(data, 'base64');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const odd = Buffer.from(bytes);
      odd[bit >> 3] = (odd[bit >> 3] as number) ^ (1 << (bit & 7));
      yield odd.toString('base64');
    }
  }

  it('with any bit of it flipped is refused', async () => {
    const record = await written(ref, { secret: SECRET });
    for (const data of flipped(record.data)) {
      const vault = new SecretsVault({ store: databaseWith({ ...record, data }), keys });
      const got = await outcome(REFUSED, () => vault.get('acme', 'custom'));
      expect(got).toEqual({ code: 'ERR_DECRYPTION_FAILED' });
    }
  });

  it('with any bit of an earlier version flipped never comes back', async () => {
    const record = await written(ref, { secret: SECRET });
    const [version] = record.history ?? [];
    for (const data of flipped(version?.data ?? '')) {
      const store = databaseWith({ ...record, history: [{ ...version, data }] } as SecretRecord);
      const vault = new SecretsVault({ store, keys });
      const got = await outcome(REFUSED, () => vault.rollback('acme', 'custom', 1));
      expect(got).toEqual({ code: 'ERR_DECRYPTION_FAILED' });
    }
    expect.assertions((Buffer.from(version?.data ?? '', 'base64').length || 1) * 8);
  });

  it('with any bit of its address, revision or key id flipped gives nothing else', async () => {
    const record = await written(ref, { secret: SECRET });
    const metadata = record.metadata as SecretMetadata;
    const flips = (text: string) =>
      Array.from({ length: text.length * 7 }, (_, bit) => {
        const chars = [...text];
        const at = Math.floor(bit / 7);
        chars[at] = String.fromCharCode(text.charCodeAt(at) ^ (1 << (bit % 7)));
        return chars.join('');
      });
    const odd: [string, object][] = [
      ...flips(record.tenantId).map((tenantId): [string, object] => [
        'ERR_STORE_FAILED',
        { tenantId },
      ]),
      ...flips(record.provider).map((provider): [string, object] => [
        'ERR_STORE_FAILED',
        { provider },
      ]),
      ...flips(metadata.keyId as string).map((keyId): [string, object] => [
        'ERR_KEY_UNKNOWN',
        { metadata: { ...metadata, keyId } },
      ]),
      ...Array.from({ length: 31 }, (_, bit): [string, object] => [
        'ERR_BINDING',
        { metadata: { ...metadata, rev: (metadata.rev as number) ^ (1 << bit) } },
      ]),
    ];
    for (const [code, change] of odd) {
      const vault = new SecretsVault({ store: databaseWith({ ...record, ...change }), keys });
      const got = await outcome([...REFUSED], () => vault.get('acme', 'custom'));
      expect({ change, got }).toEqual({
        change,
        got: { code: expect.stringMatching(`${code}|ERR_MALFORMED`) },
      });
    }
  });

  it('never opens at another address', async () => {
    const name = fc.constantFrom('acme', 'acm', 'Acme', 'acme ', 'custom', 'twilio', 'acme:custom');
    await fc.assert(
      fc.asyncProperty(name, name, name, name, async (tenantId, provider, ofTenant, ofProvider) => {
        fc.pre(tenantId !== ofTenant || provider !== ofProvider);
        fc.pre(
          !/ /.test(provider + ofProvider) && provider !== 'twilio' && ofProvider !== 'twilio',
        );
        const moved = { ...(await written({ tenantId, provider }, { secret: SECRET })) };
        const record = { ...moved, tenantId: ofTenant, provider: ofProvider };
        const vault = new SecretsVault({ store: databaseWith(record), keys });
        const got = await outcome(REFUSED, () => vault.get(ofTenant, ofProvider));
        expect(got).toEqual({ code: 'ERR_BINDING' });
      }),
      inputs(200),
    );
  });

  it('of noise has an etag or is refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.object(), async (record) => {
        const result = await outcome(['ERR_MALFORMED', 'ERR_INVALID_ARGUMENT'], () =>
          etag(record as SecretRecord),
        );
        if ('value' in result) expect(typeof result.value).toBe('string');
      }),
      inputs(1_000),
    );
    expect(
      etag({ ...ref, data: randomBytes(40).toString('base64'), metadata: {} } as never),
    ).toHaveLength(16);
  });
});

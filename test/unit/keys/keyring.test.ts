import { createSecretKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { generateKey, isVaultError, Keyring, seal, type VaultError } from 'provider-vault';
import { afterAll, describe, expect, it } from 'vitest';
import { newKey, rejection } from '../../support/fixtures.ts';
import { expectNone } from '../../support/printed.ts';

const folder = mkdtempSync(join(tmpdir(), 'keyring-'));
afterAll(() => rmSync(folder, { recursive: true }));

function refusal(env: Record<string, string>): VaultError {
  try {
    Keyring.fromEnv(env);
  } catch (error) {
    if (isVaultError(error)) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('generateKey', () => {
  it('gives the base64 of 32 random bytes', () => {
    expect(Buffer.from(generateKey(), 'base64')).toHaveLength(32);
    expect(generateKey()).not.toBe(generateKey());
    expect(new Keyring({ encryptionKey: generateKey() }).keyIds).toHaveLength(1);
  });
});

describe('Keyring.fromEnv [K1] [K2] [K4]', () => {
  it('reads process.env by default', () => {
    const key = newKey();
    process.env.APP_ENCRYPTION_KEY = key;
    try {
      expect(Keyring.fromEnv().encryptionKeyId).toBe(
        new Keyring({ encryptionKey: key }).encryptionKeyId,
      );
    } finally {
      delete process.env.APP_ENCRYPTION_KEY;
    }
  });

  it('reads keys that only open, separated by commas', () => {
    const [a, b, c] = [newKey(), newKey(), newKey()];
    const ring = Keyring.fromEnv({ APP_ENCRYPTION_KEY: a, APP_DECRYPTION_KEYS: `${b}, ${c},${a}` });
    expect(ring.keyIds).toHaveLength(3);
    expect(ring.keyIds[0]).toBe(ring.encryptionKeyId);
    expect(ring.encryptionKeyId).toBe(new Keyring({ encryptionKey: a }).encryptionKeyId);
  });

  it('reads both from files, which may end in a newline', () => {
    const [a, b] = [newKey(), newKey()];
    const [pathA, pathB] = [join(folder, 'a'), join(folder, 'b')];
    writeFileSync(pathA, `${a}\n`);
    writeFileSync(pathB, `${b}\r\n`);
    const ring = Keyring.fromEnv({
      APP_ENCRYPTION_KEY_FILE: pathA,
      APP_DECRYPTION_KEYS_FILE: pathB,
    });
    const direct = Keyring.fromEnv({ APP_ENCRYPTION_KEY: a, APP_DECRYPTION_KEYS: b });
    expect(ring.keyIds).toEqual(direct.keyIds);
  });

  it('makes no key of its own', () => {
    for (const env of [{}, { APP_ENCRYPTION_KEY: '' }]) {
      expect(refusal(env)).toMatchObject({
        code: 'ERR_KEY_MISSING',
        message: expect.stringContaining('keygen'),
      });
    }
    expect(refusal({ APP_ENCRYPTION_KEY_FILE: join(folder, 'none') })).toMatchObject({
      code: 'ERR_KEY_MISSING',
      message: expect.stringContaining('ENOENT'),
    });
  });

  it('refuses a variable and its file at once', () => {
    const path = join(folder, 'both');
    writeFileSync(path, newKey());
    expect(refusal({ APP_ENCRYPTION_KEY: newKey(), APP_ENCRYPTION_KEY_FILE: path }).code).toBe(
      'ERR_KEY_INVALID',
    );
  });

  const good = randomBytes(32);
  const base64 = good.toString('base64');
  const fixed = Buffer.from('00010203'.repeat(8), 'hex').toString('base64'); // no word by chance
  it.each([
    ['64 hex digits', good.toString('hex'), 48, /hex/],
    ['double quotes', `"${base64}"`, 32, /quotes/],
    ['single quotes', `'${base64}'`, 32, /quotes/],
    ['a quote inside', `${fixed.slice(0, 9)}"${fixed.slice(9)}`, 32, /Make one with/],
    ['a trailing newline', `${base64}\n`, 32, /newline at its end/],
    ['white space inside', `${base64.slice(0, 9)} ${base64.slice(9)}`, 32, /white space inside/],
    ['66 hex digits', `${good.toString('hex')}00`, 49, /Make one with/],
    ['33 bytes', Buffer.alloc(33, 0xab).toString('base64'), 33, /Make one with/],
    ['base64url', Buffer.alloc(32, 0xfb).toString('base64url'), 32, /base64url/],
    ['no padding', base64.slice(0, -1), 32, /padding/],
    ['a placeholder', '<your-base64-key-here>', 15, /placeholder/],
    ['another placeholder', 'changeme', 6, /placeholder/],
    ['16 bytes', randomBytes(16).toString('base64'), 16, /keygen/],
    ['64 bytes', randomBytes(64).toString('base64'), 64, /keygen/],
    ['equal bytes', Buffer.alloc(32, 7).toString('base64'), 32, /equal/],
    ['zero bytes', Buffer.alloc(32).toString('base64'), 32, /equal/],
  ])('refuses %s, says the decoded length and what to do', (_name, text, length, hint) => {
    for (const error of [
      refusal({ APP_ENCRYPTION_KEY: text }),
      refusal({ APP_ENCRYPTION_KEY: newKey(), APP_DECRYPTION_KEYS: text }),
    ]) {
      expect(error.code).toBe('ERR_KEY_INVALID');
      expect(error.message).toMatch(new RegExp(`decodes to ${length} bytes`));
      expect(error.message).toMatch(hint);
      expect(inspect(error, { depth: 9 })).not.toContain(text.slice(0, 6));
    }
  });

  it('names the variable that is wrong', () => {
    const env = { APP_ENCRYPTION_KEY: newKey(), APP_DECRYPTION_KEYS: `${newKey()},short` };
    expect(refusal(env).message).toContain('Key 2 in APP_DECRYPTION_KEYS');
  });
});

describe('Keyring', () => {
  it('names keys by their fingerprint [R5]', () => {
    const ring = new Keyring({ encryptionKey: Buffer.from('00010203'.repeat(8), 'hex') });
    // printf 'provider-vault/key-id\0\1\2\3…' | sha256sum | cut -c1-8
    expect(ring.encryptionKeyId).toBe('ab4d8417');
  });

  it('gives the key that is named, or all for a record that names none', () => {
    const [a, b] = [randomBytes(32), randomBytes(32)];
    const ring = new Keyring({ encryptionKey: a, decryptionKeys: [b] });
    const [idA, idB] = ring.keyIds;
    expect(ring.decryptionKey(idB).map(({ id }) => id)).toEqual([idB]);
    expect(ring.decryptionKey(undefined).map(({ id }) => id)).toEqual([idA, idB]);
    expect(ring.decryptionKey('00000000')).toEqual([]);
    expect(ring.lookupKeys().map(({ id }) => id)).toEqual([idA, idB]);
  });

  it('keeps no bytes of the caller: they can be overwritten', () => {
    const bytes = randomBytes(32);
    const text = bytes.toString('base64');
    const ring = new Keyring({ encryptionKey: bytes });
    bytes.fill(0);
    expect(ring.encryptionKey().key.export().toString('base64')).toBe(text);
  });

  it('prints no key', () => {
    const key = newKey();
    const ring = new Keyring({ encryptionKey: key });
    const shown = [
      inspect(ring, { depth: 9, showHidden: true }),
      inspect(ring.encryptionKey(), { depth: 9, showHidden: true }),
      JSON.stringify(ring),
      JSON.stringify(ring.encryptionKey()),
      String(ring),
    ].join();
    expect(shown).not.toContain(key.slice(0, 8));
    expect(shown).not.toContain(Buffer.from(key, 'base64').toString('hex').slice(0, 8));
  });

  it('refuses what is no key of 32 bytes', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    for (const [key, reason] of [
      [undefined, 'must be a VaultKey'],
      [null, 'must be a VaultKey'],
      [42, 'must be a VaultKey'],
      [{}, 'must be a VaultKey'],
      [Buffer.alloc(31, 1), 'must have 32 bytes, not 31'],
      [createSecretKey(randomBytes(16)), 'must have 32 bytes, not 16'],
      [publicKey, 'must be a secret key, not a public key'],
    ] as const) {
      const refused = (source: string) =>
        expect.objectContaining({
          code: 'ERR_KEY_INVALID',
          message: expect.stringMatching(new RegExp(`^${source} ${reason}`)),
        });
      expect(() => new Keyring({ encryptionKey: key as never })).toThrow(refused('encryptionKey'));
      const decryptionKeys = [newKey(), key as never];
      expect(() => new Keyring({ encryptionKey: newKey(), decryptionKeys })).toThrow(
        refused('decryptionKeys\\[1\\]'),
      );
      expect(() => seal('text', key as never)).toThrow(refused('The key'));
    }
    expect(() => new Keyring(undefined as never)).toThrow(
      expect.objectContaining({ code: 'ERR_KEY_INVALID' }),
    );
  });
});

it.each(['text', {}, 5])('takes no %j for a list of keys that only open', (decryptionKeys) => {
  const options = { encryptionKey: generateKey(), decryptionKeys } as never;
  expect(() => new Keyring(options)).toThrow(
    expect.objectContaining({
      code: 'ERR_KEY_INVALID',
      message: expect.stringMatching('decryptionKeys'),
    }),
  );
});

describe('two keys of one id', () => {
  // Found by search: the ids have 32 bits.
  const COLLIDING = [
    'fVDYj3aX4Noq3y+MZBNuDhs+Unhcx2A7CRNzHP10RAA=',
    'EVbLf3hb4DtNJdVEBlHEVvSFTzAXKm8KROfI44QM/EU=',
  ] as const;

  it.each([
    { encryptionKey: COLLIDING[0], decryptionKeys: [COLLIDING[1]] },
    { encryptionKey: generateKey(), decryptionKeys: COLLIDING },
  ])('are refused, because one would be dropped in silence', (options) => {
    expect(() => new Keyring(options)).toThrow(
      expect.objectContaining({
        code: 'ERR_KEY_INVALID',
        message: expect.stringContaining('9a9b099e'),
      }),
    );
  });

  it('may be the same key twice', () => {
    const [key] = COLLIDING;
    expect(new Keyring({ encryptionKey: key, decryptionKeys: [key, key] }).keyIds).toHaveLength(1);
  });
});

describe('Keyring.load', () => {
  it('refuses a source that is no function', async () => {
    for (const source of [undefined, null, 'text', Promise.resolve(newKey())]) {
      await expect(Keyring.load(source as never)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
    }
  });

  it('takes the text of a key, or of several', async () => {
    const [a, b, c] = [newKey(), newKey(), newKey()];
    const idsOf = async (loaded: Awaited<ReturnType<Parameters<typeof Keyring.load>[0]>>) =>
      (await Keyring.load(async () => loaded)).keyIds;
    const all = new Keyring({ encryptionKey: a, decryptionKeys: [b, c] }).keyIds;
    expect(await idsOf(a)).toEqual(all.slice(0, 1));
    expect(await idsOf(`${a}\n`)).toEqual(all.slice(0, 1));
    expect(await idsOf({ encryptionKey: a })).toEqual(all.slice(0, 1));
    expect(await idsOf({ encryptionKey: a, decryptionKeys: [b, `${c}\r\n`] })).toEqual(all);
    expect(await idsOf({ encryptionKey: a, decryptionKeys: `${b}, ${c}\n` })).toEqual(all);
    expect(await idsOf({ encryptionKey: a, decryptionKeys: '' })).toEqual(all.slice(0, 1));
  });

  it.each([undefined, null, '', {}, { encryptionKey: '' }, { decryptionKeys: [] }])(
    'says that there is no key: %j',
    async (loaded) => {
      const loading = Keyring.load(async () => loaded as never);
      await expect(loading).rejects.toMatchObject({ code: 'ERR_KEY_MISSING' });
    },
  );

  it('says what is wrong with a key, as everywhere, and nothing of it', async () => {
    const hex = randomBytes(32).toString('hex');
    for (const [loaded, text, code = 'ERR_KEY_INVALID'] of [
      [hex, '64 hex digits'],
      [{ encryptionKey: newKey(), decryptionKeys: [hex] }, 'Key 1 in decryptionKeys of the source'],
      [`"${newKey()}"`, 'quotes'],
      [`${hex.slice(0, 9)}\n${hex.slice(9)}`, 'white space inside'],
      [Buffer.from(hex), 'gave no encryption key', 'ERR_KEY_MISSING'],
      [{ encryptionKey: Buffer.from(hex) }, 'must be a string, not an object'],
      [{ encryptionKey: newKey(), decryptionKeys: [Buffer.from(hex)] }, 'must be a string'],
      [{ encryptionKey: newKey(), decryptionKeys: { [hex]: 1 } }, 'an array or a string'],
    ] as const) {
      const error = await rejection(Keyring.load(async () => loaded as never));
      expect(error).toMatchObject({ code, message: expect.stringContaining(text) });
      expectNone([hex, typeof loaded === 'string' ? loaded : hex], error);
    }
  });

  it('says the code or the name of the error of its source, and nothing else of it', async () => {
    const secret = newKey();
    const failing = (error: unknown) => Keyring.load(() => Promise.reject(error));
    const named = (name: string) => Object.assign(new Error(secret), { name });
    for (const [error, code, shown] of [
      [Object.assign(new Error(secret), { code: 'ENOENT' }), 'ERR_KEY_MISSING', 'ENOENT'],
      [named('ResourceNotFoundException'), 'ERR_KEY_MISSING', 'ResourceNotFoundException'],
      [named('AccessDeniedException'), 'ERR_KEY_UNAVAILABLE', 'AccessDeniedException'],
      [Object.assign(new Error(secret), { code: 'EACCES' }), 'ERR_KEY_UNAVAILABLE', 'EACCES'],
      [named('NOENOENT'), 'ERR_KEY_UNAVAILABLE', 'NOENOENT'],
      [named('ENOENTER'), 'ERR_KEY_UNAVAILABLE', 'ENOENTER'],
      [named(secret), 'ERR_KEY_UNAVAILABLE', 'unknown error'],
      [secret, 'ERR_KEY_UNAVAILABLE', 'unknown error'],
      [null, 'ERR_KEY_UNAVAILABLE', 'unknown error'],
    ] as const) {
      const rejected = await rejection(failing(error));
      expect(rejected).toMatchObject({ code, message: expect.stringContaining(`(${shown})`) });
      expectNone([secret], rejected);
    }
    const throws = () => Keyring.load(() => JSON.parse(secret));
    await expect(throws()).rejects.toMatchObject({ code: 'ERR_KEY_UNAVAILABLE' });
  });
});

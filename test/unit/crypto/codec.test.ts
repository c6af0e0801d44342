import { createSecretKey, randomBytes } from 'node:crypto';
import { gcm } from '@noble/ciphers/aes.js';
import fc from 'fast-check';
import { Keyring, open, seal } from 'provider-vault';
import { describe, expect, it } from 'vitest';
import { newKey } from '../../support/fixtures.ts';
import vectors from '../../vectors/pycryptodome.json' with { type: 'json' };
import wycheproof from '../../vectors/wycheproof.json' with { type: 'json' };

const key = newKey();

describe('seal and open [R1]', () => {
  it('gives back any text and any bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(open(seal(text, key), key).toString('utf8')).toBe(text);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(new Uint8Array(open(seal(bytes, key), key))).toEqual(bytes);
      }),
    );
  });

  it('takes the key in every form', () => {
    const bytes = randomBytes(32);
    const data = seal('text', bytes);
    const ring = new Keyring({ encryptionKey: bytes });
    for (const form of [
      bytes,
      new Uint8Array(bytes),
      bytes.toString('base64'),
      createSecretKey(bytes),
      ring.encryptionKey(),
    ]) {
      expect(open(data, form).toString()).toBe('text');
    }
  });

  it('seals the same text differently each time', () => {
    const ivs = Array.from({ length: 2000 }, () => seal('', key).slice(0, 16));
    expect(new Set(ivs).size).toBe(2000);
  });

  it('agrees with an independent implementation, both ways', () => {
    const bytes = Buffer.from(key, 'base64');
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array({ minLength: 12, maxLength: 12 }), (text, iv) => {
        const sealed = Buffer.from(seal(text, key), 'base64');
        const tagLast = Buffer.concat([sealed.subarray(28), sealed.subarray(12, 28)]);
        expect(gcm(bytes, sealed.subarray(0, 12)).decrypt(tagLast)).toEqual(text);

        const other = Buffer.from(gcm(bytes, iv).encrypt(text));
        const data = Buffer.concat([iv, other.subarray(-16), other.subarray(0, -16)]);
        expect(new Uint8Array(open(data.toString('base64'), key))).toEqual(text);
      }),
    );
  });

  it.each(vectors.open)('opens what pycryptodome sealed: $name', ({ data, plaintextB64 }) => {
    expect(open(data, vectors.keyB64).toString('base64')).toBe(plaintextB64);
  });

  it.each(vectors.refuse)('refuses: $name', ({ data, code }) => {
    expect(() => open(data, vectors.keyB64)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(code) }),
    );
  });

  it.each(wycheproof.tests)('agrees with Wycheproof: $tcId $comment', (vector) => {
    const data = Buffer.from(vector.iv + vector.tag + vector.ct, 'hex').toString('base64');
    const opened = () => open(data, Buffer.from(vector.key, 'hex')).toString('hex');
    if (vector.result === 'valid') expect(opened()).toBe(vector.msg);
    else expect(opened).toThrow(expect.objectContaining({ code: 'ERR_DECRYPTION_FAILED' }));
  });

  // McGrew and Viega, The Galois/Counter Mode of Operation, appendix B: those with AES-256, a 96-bit IV and
  // no associated data.
  it.each([
    ['13', '00'.repeat(32), '00'.repeat(12), '', '', '530f8afbc74536b9a963b4f1c4cb738b'],
    [
      '14',
      '00'.repeat(32),
      '00'.repeat(12),
      '00'.repeat(16),
      'cea7403d4d606b6e074ec5d3baf39d18',
      'd0d1c8a799996bf0265b98b5d48ab919',
    ],
    [
      '15',
      'feffe9928665731c6d6a8f9467308308'.repeat(2),
      'cafebabefacedbaddecaf888',
      'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255',
      '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad',
      'b094dac5d93471bdec1a502270e3cc6c',
    ],
  ])('gives the known answer of test case %s', (_case, hexKey, iv, text, ciphertext, tag) => {
    const data = Buffer.from(iv + tag + ciphertext, 'hex').toString('base64');
    expect(open(data, Buffer.from(hexKey, 'hex')).toString('hex')).toBe(text);
  });

  it('refuses a change of any single bit', () => {
    const sealed = Buffer.from(seal('a secret', key), 'base64');
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const altered = Buffer.from(sealed);
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(() => open(altered.toString('base64'), key)).toThrow(
        expect.objectContaining({ code: 'ERR_DECRYPTION_FAILED' }),
      );
    }
  });

  it('refuses text that is not canonical base64', () => {
    const data = seal('ab', key); // 30 bytes: no padding
    const padded = seal('a', key); // 29 bytes
    for (const altered of [
      `${data}=`,
      `${data}\n`,
      ` ${data}`,
      `${data.slice(0, 8)}*${data.slice(8)}`,
      `${data.slice(0, 8)} ${data.slice(8)}`,
      padded.replace('=', ''),
      padded.replace(/=/g, ''),
      `${padded}=`,
      `${data.slice(0, -1)}_`,
      '',
      undefined,
      null,
      42,
      { $ne: null },
    ]) {
      expect(() => open(altered as string, key)).toThrow(
        expect.objectContaining({ code: 'ERR_MALFORMED' }),
      );
    }
  });

  it('refuses a tag that was cut, which Node would accept', () => {
    const sealed = Buffer.from(seal('', key), 'base64');
    for (let length = 12; length < 28; length++) {
      expect(() => open(sealed.subarray(0, length).toString('base64'), key)).toThrow(
        expect.objectContaining({ code: 'ERR_MALFORMED' }),
      );
    }
  });

  it('says of a failure nothing but that it failed', () => {
    try {
      open(seal('the secret', key), newKey());
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_DECRYPTION_FAILED' });
      expect(error).not.toHaveProperty('cause');
    }
  });

  it('refuses what is no text and no bytes', () => {
    for (const value of [undefined, null, 1, {}, ['a']]) {
      expect(() => seal(value as never, key)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
      );
    }
  });
});

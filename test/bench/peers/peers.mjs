// Other libraries that seal a text, each as its documentation uses it. main.ts installs them.
import { randomBytes } from 'node:crypto';
import * as cloak from '@47ng/cloak';
import aws from '@aws-crypto/client-node';
import iron from '@hapi/iron';
import { gcm } from '@noble/ciphers/aes.js';
import Cryptr from 'cryptr';
import { CompactEncrypt, compactDecrypt } from 'jose';

const key = randomBytes(32);
const password = randomBytes(32).toString('base64');

const cloakKey = cloak.parseKeySync(cloak.generateKey());
const cryptr = new Cryptr(password);
const { encrypt, decrypt } = aws.buildClient(aws.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
const keyring = new aws.RawAesKeyringNode({
  keyName: 'bench',
  keyNamespace: 'bench',
  unencryptedMasterKey: key,
  wrappingSuite: aws.RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
});

/** @type {import('./peers.mjs').Peer[]} */
export const peers = [
  {
    name: '@47ng/cloak',
    seal: (text) => cloak.encryptStringSync(text, cloakKey),
    open: (sealed) => cloak.decryptStringSync(sealed, cloakKey),
  },
  {
    name: '@noble/ciphers',
    seal: (text) => {
      const iv = randomBytes(12);
      const sealed = gcm(key, iv).encrypt(Buffer.from(text));
      return Buffer.concat([iv, sealed]).toString('base64');
    },
    open: (sealed) => {
      const bytes = Buffer.from(sealed, 'base64');
      return Buffer.from(gcm(key, bytes.subarray(0, 12)).decrypt(bytes.subarray(12))).toString();
    },
  },
  {
    name: '@hapi/iron',
    seal: (text) => iron.seal(text, password, iron.defaults),
    open: (sealed) => iron.unseal(sealed, password, iron.defaults),
  },
  {
    name: 'jose',
    seal: (text) =>
      new CompactEncrypt(Buffer.from(text))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
        .encrypt(key),
    open: async (sealed) => Buffer.from((await compactDecrypt(sealed, key)).plaintext).toString(),
  },
  {
    name: 'cryptr',
    seal: (text) => cryptr.encrypt(text),
    open: (sealed) => cryptr.decrypt(sealed),
  },
  {
    name: '@aws-crypto/client-node',
    seal: async (text) => (await encrypt(keyring, text)).result.toString('base64'),
    open: async (sealed) =>
      (await decrypt(keyring, Buffer.from(sealed, 'base64'))).plaintext.toString(),
  },
];

import { Keyring, seal } from 'provider-vault';

// One of several processes that seal under one key. It writes the IVs, 12 bytes each: count.
const [count = '0'] = process.argv.slice(2);
const key = Keyring.fromEnv().encryptionKey();
const CHUNK = 10_000;
for (let done = 0; done < Number(count); done += CHUNK) {
  const ivs = Buffer.alloc(12 * Math.min(CHUNK, Number(count) - done));
  for (let at = 0; at < ivs.length; at += 12) {
    ivs.write(seal('', key).slice(0, 16), at, 'base64');
  }
  process.stdout.write(ivs);
}

import { createRequire } from 'node:module';
import 'provider-vault';
import 'provider-vault/kms';

// Prints which optional peers the imports above have loaded. All of them are CommonJS.
const loaded = Object.keys(createRequire(import.meta.url).cache);
const peers = ['mongodb', 'pg', 'twilio', '@sendgrid', '@aws-sdk', '@azure', '@google-cloud'];
console.log(
  JSON.stringify(
    peers.filter((peer) => loaded.some((file) => file.includes(`node_modules/${peer}/`))),
  ),
);

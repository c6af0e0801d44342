import { createRequire } from 'node:module';
import 'provider-vault';

// Prints which optional peers the import above has loaded. All of them are CommonJS.
const loaded = Object.keys(createRequire(import.meta.url).cache);
const peers = ['mongodb', 'twilio', '@sendgrid'];
console.log(
  JSON.stringify(
    peers.filter((peer) => loaded.some((file) => file.includes(`node_modules/${peer}/`))),
  ),
);

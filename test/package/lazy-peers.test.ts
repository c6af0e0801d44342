import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runScript } from '../support/run-script.ts';

const PEERS = [
  ...['mongodb', 'pg', 'twilio', '@sendgrid/mail', '@aws-sdk/client-kms'],
  ...['oauth4webapi', 'nodemailer'],
];

// provider-vault/otel imports @opentelemetry/api at once: docs/decisions/0002-exports-and-peers.md
describe('importing the package', () => {
  it('loads none of the optional peers', async () => {
    const { code, stdout, stderr } = await runScript('test/support/workers/loaded-packages.ts');
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual([]);
  });

  it('is written so: only types of a peer are imported, and the rest is lazy', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => name.endsWith('.ts'))) {
      const text = readFileSync(join('src', file), 'utf8');
      for (const peer of PEERS) {
        const eager = new RegExp(`^(import|export) (?!type )[^;]* from '${peer}[/']`, 'm');
        expect(text, `${file} imports ${peer}`).not.toMatch(eager);
      }
    }
  });
});

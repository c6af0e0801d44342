import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { codeBlocks, moduleOf, typeErrors } from '../support/code-blocks.ts';

const guide = new URL('../../docs/guides/settings-page.md', import.meta.url);
const markdown = await readFile(guide, 'utf8');
const blocks = codeBlocks(markdown, 'ts');

// What the guide takes for granted: the host's own session, frameworks and values.
const prelude = [
  "import { defineProvider, sendgridProvider, smtpProvider, twilioProvider } from 'provider-vault';",
  "import type { MongoAuditSink, SecretsVault } from 'provider-vault';",
  "import { connectMessage, createSettingsHandler, nodeRequest, toNodeListener } from 'provider-vault/settings';",
  "import type { NodeRequest } from 'provider-vault/settings';",
  "import type { Express, Response as ExpressResponse } from 'express';",
  "import type { FastifyInstance } from 'fastify';",
  'interface Session { tenantId: string; user: string; role: string }',
  'type WithSession = NodeRequest & { session?: Session };',
  'declare const vault: SecretsVault; declare const audit: MongoAuditSink;',
  'declare const app: Express; declare const fastify: FastifyInstance;',
  'declare const hono: { all(path: string, handler: (context: { req: { raw: Request } }) => Response | Promise<Response>): unknown };',
  'declare const response: ExpressResponse; declare function sendText(): Promise<void>;',
  'declare function sessionOf(request: Request): Promise<Session | undefined>;',
  'declare const tenantId: string, user: string, etag: string | null, twilio_account_sid: string, twilio_auth_token: string, my_own_key: string;',
  'declare const fields: Record<string, string | null>;',
].join(' ');

it('the code of the guide of the settings page compiles under strict TypeScript', () => {
  expect(blocks.length).toBeGreaterThanOrEqual(8);
  const wrong = [...blocks, { code: 'vault.put(1, 2);', line: 1000 }]; // the check must see this one
  const errors = typeErrors({
    'guide.ts': moduleOf(blocks, prelude),
    'wrong.ts': moduleOf(wrong, prelude),
  });
  expect(errors).toEqual([expect.stringContaining('wrong.ts:1000: ')]);
});

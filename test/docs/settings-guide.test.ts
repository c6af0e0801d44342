import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { tokens } from '../../src/settings/element/tokens.ts';
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
  "import { Hono } from 'hono';",
  'interface Session { tenantId: string; user: string; role: string }',
  'type WithSession = NodeRequest & { session?: Session };',
  'declare const vault: SecretsVault; declare const audit: MongoAuditSink;',
  'declare const app: Express; declare const fastify: FastifyInstance;',
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
}, 180_000);

it('the declaration for React compiles', () => {
  const tsx = codeBlocks(markdown, 'tsx');
  const imports = [
    "import type { ProviderSettings } from 'provider-vault/settings/element';",
    "import type { DetailedHTMLProps, HTMLAttributes } from 'react';",
  ].join(' ');
  const page = (attributes: string) =>
    `${moduleOf(tsx, imports)}export const page = <provider-settings ${attributes} />;`;
  const errors = typeErrors(
    {
      'page.tsx': page("src=\"/api\" headers={{ 'x-csrf-token': 'x' }}"),
      'wrong.tsx': page('src={5}'),
    },
    'test/pages/tsconfig.json',
  );
  expect(tsx).toHaveLength(1);
  expect(errors).toEqual([expect.stringContaining('wrong.tsx')]);
}, 180_000);

it('names the variables and parts that the element has', async () => {
  const variables = [...markdown.matchAll(/--ps-([\w-]+)/g)].map(([, name]) => name);
  const known = [...Object.keys(tokens), 'font', 'radius'];
  expect(variables.length).toBeGreaterThan(0);
  for (const name of variables) expect(known).toContain(name);
  const list = /The colours are([\s\S]*?)grounds/.exec(markdown)?.[1] ?? '';
  const colours = [...list.matchAll(/`([\w-]+)`/g)].map(([, name = '']) => name);
  const plain = Object.keys(tokens).filter((name) => !name.endsWith('-wash'));
  expect(colours.filter((name) => name !== '-wash')).toEqual(plain);

  const folder = new URL('../../src/settings/element/', import.meta.url);
  const sources = await Promise.all(
    (await readdir(folder)).map((name) => readFile(new URL(name, folder), 'utf8')),
  );
  const made = [...sources.join('').matchAll(/\bpart: '([\w ]+)'/g)].map(([, name]) => name);
  const parts = /The parts are([\s\S]*?)\n\n/.exec(markdown)?.[1] ?? '';
  const named = [...parts.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  const kinds = ['button', 'primary', 'quiet', 'link', 'danger'];
  expect(named.filter((name = '') => !kinds.includes(name)).sort()).toEqual(
    [...new Set(made)].sort(),
  );
});

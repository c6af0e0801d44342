import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BrowserContextOptions, Page } from 'playwright-core';
import {
  defineProvider,
  type SecretsVault,
  sendgridProvider,
  twilioProvider,
} from 'provider-vault';
import {
  createSettingsHandler,
  type SettingsHandlerOptions,
  toNodeListener,
} from 'provider-vault/settings';
import { FakeTwilio } from 'provider-vault/testing';
import { afterAll } from 'vitest';
import { launchBrowser } from '../support/chromium.ts';
import { memoryVault, twilioAccount } from '../support/fixtures.ts';

const BASE = '/api/provider-settings';

// The strictest policy: no inline style or script, and no sink of markup (Trusted Types).
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

export const mailRelay = defineProvider({
  name: 'relay',
  label: 'Relay 📮 '.concat('of a very long company name '.repeat(7)).trim(),
  fields: {
    host: { label: 'Host', secret: false, destination: true, example: 'mail.company.example' },
    password: { label: 'Password', secret: true, help: 'Ask whoever runs the relay.' },
  },
  complete: [['host', 'password']],
});

/** The element as it is published: one minified file. */
export async function buildElement(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/settings/element/index.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

const CSS =
  'body{margin:0;padding:1rem}@media(prefers-color-scheme:dark){body{background:#0f1118;color:#eceef6}}';

export interface ElementSite {
  readonly vault: SecretsVault;
  readonly twilio: FakeTwilio;
  /** A page of somebody of the tenant: `acme/ada`, or `acme/ada/read` who may do only that. */
  visit(user: string, options?: BrowserContextOptions & { path?: string }): Promise<Page>;
  readonly answers: string[];
  /** Errors of scripts and of the policy, in any page. */
  readonly complaints: string[];
}

/** A host with a page that holds nothing but the element. */
export async function startElementSite(
  options: Partial<SettingsHandlerOptions> = {},
): Promise<ElementSite> {
  const script = await buildElement();
  const twilio = await FakeTwilio.start({ accounts: [twilioAccount(1), twilioAccount(2)] });
  const { vault } = memoryVault({ providers: [mailRelay] });
  const handle = createSettingsHandler({
    vault,
    providers: [twilioProvider, sendgridProvider, mailRelay],
    basePath: BASE,
    env: {},
    connection: { client: twilio.clientOptions() },
    webhooks: (tenantId, provider) =>
      provider === 'twilio'
        ? [{ label: 'Voice', url: `https://crm.example/voice/${tenantId}` }]
        : [],
    activity: async (tenantId) => [
      {
        at: new Date(),
        action: 'get',
        tenantId,
        provider: 'twilio',
        fields: [],
        outcome: 'ok',
        source: 'vault',
      },
    ],
    identify: (request) => {
      const user = /user=([^;]+)/.exec(request.headers.get('cookie') ?? '')?.[1];
      if (user === undefined) return undefined;
      const [tenantId = '', actor = '', only] = decodeURIComponent(user).split('/');
      const all = { read: true, write: true, test: true, remove: true };
      return { tenantId, actor, may: only === undefined ? all : { [only]: true } };
    },
    ...options,
  });
  const listener = toNodeListener(handle);
  const files: Record<string, readonly [string, string]> = {
    '/element.js': ['text/javascript', script],
    '/page.css': ['text/css', CSS],
    '/german.js': [
      'text/javascript',
      "const e = document.querySelector('provider-settings'); e.strings = { save: 'Speichern', 'capability.sms': 'SMS' }; e.headers = async () => ({ 'x-csrf-token': 'of the host' });",
    ],
  };
  const page = (theme: string | null, extra: string) =>
    `<!doctype html><html lang="en"><head><title>Settings</title><meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/page.css">${extra}<script type="module" src="/element.js"></script></head><body><main><h1>Settings</h1><provider-settings src="${BASE}"${theme ? ` theme="${theme}"` : ''}></provider-settings></main></body></html>`;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    if (url.pathname.startsWith('/api/')) return listener(request, response);
    const [type, text] = files[url.pathname] ?? [
      'text/html; charset=utf-8',
      page(
        url.searchParams.get('theme'),
        url.searchParams.has('german') ? '<script type="module" src="/german.js"></script>' : '',
      ),
    ];
    response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY }).end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const browser = await launchBrowser();
  const answers: string[] = [];
  const complaints: string[] = [];
  afterAll(async () => {
    await browser.close();
    server.close();
    server.closeAllConnections();
    await twilio.close();
  });

  async function visit(
    user: string,
    { path = '/', ...browserOptions }: BrowserContextOptions & { path?: string } = {},
  ): Promise<Page> {
    const context = await browser.newContext(browserOptions);
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    if (user !== '') {
      await context.addCookies([{ name: 'user', value: encodeURIComponent(user), url: origin }]);
    }
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('response', (response) => {
      response.text().then(
        (text) => answers.push(text),
        () => undefined,
      );
    });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      const isNetwork = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isNetwork) complaints.push(message.text());
    });
    await page.goto(origin + path);
    return page;
  }
  return { vault, twilio, visit, answers, complaints };
}

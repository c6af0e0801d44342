import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BrowserContext, BrowserContextOptions, Locator, Page } from 'playwright-core';
import {
  defineProvider,
  type MemorySecretStore,
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
import { CALM, launchBrowser } from '../support/chromium.ts';
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
  name: 'mail relay', // a name may hold spaces, an id in a page may not
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
  'body{margin:0;padding:1rem;font-family:system-ui,sans-serif;background:#f7f8fa}h1{font-size:1.5rem}main{max-width:56rem;margin:auto}@media(prefers-color-scheme:dark){body{background:#101218;color:#eceef4}}';
// What a host may write to make the element its own.
const THEME_CSS =
  'provider-settings{--ps-accent:#0b5fff;--ps-radius:3px;--ps-font:1.125rem/1.4 Georgia,serif}provider-settings::part(card){border-style:dashed}';

export interface ElementSite {
  readonly vault: SecretsVault;
  readonly store: MemorySecretStore;
  readonly twilio: FakeTwilio;
  /** The environment of the server: what is in it overrides every tenant's credentials. */
  readonly env: Record<string, string>;
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
  const { vault, store } = memoryVault({ providers: [mailRelay] });
  const env: Record<string, string> = {};
  const handle = createSettingsHandler({
    vault,
    providers: [twilioProvider, sendgridProvider, mailRelay],
    basePath: BASE,
    env,
    envOverride: 'all',
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
    '/theme.css': ['text/css', THEME_CSS],
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
    const { searchParams } = url;
    const extras = [
      searchParams.has('german') && '<script type="module" src="/german.js"></script>',
      searchParams.has('own') && '<link rel="stylesheet" href="/theme.css">',
    ].filter(Boolean);
    const [type, text] = files[url.pathname] ?? [
      'text/html; charset=utf-8',
      page(searchParams.get('theme'), extras.join('')),
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
    const context = await browser.newContext({ ...CALM, ...browserOptions });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    if (user !== '') await logIn(context, user, origin);
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
  return { vault, store, twilio, env, visit, answers, complaints };
}

/** The session of this browser becomes that of another user. */
export function logIn(context: BrowserContext, user: string, url: string): Promise<void> {
  return context.addCookies([{ name: 'user', value: encodeURIComponent(user), url }]);
}

/** The card of a provider, opened. */
export async function open(page: Page, provider: string): Promise<Locator> {
  const card = page.locator(`[data-provider="${provider}"]`);
  const head = card.locator('button.head');
  if ((await head.getAttribute('aria-expanded')) === 'false') await head.click();
  return card;
}

export function field(card: Locator, label: string): Locator {
  return card.getByLabel(label, { exact: true });
}

export function press(card: Locator, name: string): Promise<void> {
  return card.getByRole('button', { name, exact: true }).click();
}

/** Holds the requests to a path until the returned function is called. */
export async function hold(page: Page, path: string): Promise<() => void> {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(path, async (route) => {
    await held;
    await route.continue();
  });
  return release;
}

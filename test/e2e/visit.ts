import { readFile } from 'node:fs/promises';
import { pino } from 'pino';
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, expect } from 'vitest';
import { type DemoCrm, type DemoOptions, startDemoCrm } from '../../examples/demo/demo-crm.ts';
import { type DemoTenant, secretsOf } from '../../examples/demo/tenants.ts';
import { CALM, launchBrowser } from '../support/chromium.ts';
import { testDatabase } from '../support/database.ts';

export const password = 'of-the-browser-tests';

/** The example CRM, and browsers whose every answer is kept. */
export interface Site {
  readonly crm: DemoCrm;
  /** A new browser at the login page. */
  visit(options?: BrowserContextOptions): Promise<Page>;
  /** A new browser in which somebody of `tenant` has logged in. */
  visitAs(tenant: Pick<DemoTenant, 'email'>, options?: BrowserContextOptions): Promise<Page>;
  /** Text of every answer that a browser has had so far: pages, scripts, headers, data. */
  answers(): Promise<string[]>;
  /** What the pages complained of: errors of scripts and of the content security policy. */
  readonly complaints: string[];
  /** The lines of the request log. */
  readonly logLines: string[];
}

export async function startSite(
  options: Pick<DemoOptions, 'mailboxes' | 'upkeep'> = {},
): Promise<Site> {
  const { db } = await testDatabase();
  const logLines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line) => void logLines.push(line) });
  const crm = await startDemoCrm({ db, log, password, ...options });
  const browser = await launchBrowser();
  const answers: Promise<string>[] = [];
  const complaints: string[] = [];
  afterAll(async () => {
    await browser.close();
    await crm.close();
  });

  async function visit(options: BrowserContextOptions = {}): Promise<Page> {
    const page = await (await browser.newContext({ ...CALM, ...options })).newPage();
    page.on('response', (response) => {
      const body = response.text().catch(() => '');
      answers.push(body.then((text) => JSON.stringify([response.url(), response.headers(), text])));
    });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => {
      // A 4xx that a test provokes is reported as "Failed to load resource".
      const isNetwork = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isNetwork) complaints.push(message.text());
    });
    await page.goto(crm.url);
    return page;
  }

  async function visitAs(
    { email }: Pick<DemoTenant, 'email'>,
    options?: BrowserContextOptions,
  ): Promise<Page> {
    const page = await visit(options);
    await logIn(page, email);
    return page;
  }

  return { crm, visit, visitAs, answers: () => Promise.all(answers), complaints, logLines };
}

/** Logs in at the login page. */
export async function logIn(page: Page, email: string): Promise<void> {
  await page.getByRole('button', { name: 'Log in' }).waitFor(); // the page before has fields, too
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('heading', { name: 'Settings' }).waitFor();
}

/** Expects that no browser, no log line and no page was shown a secret, and no page complained. */
export async function expectNothingLeaked(site: Site): Promise<void> {
  const seen = [...(await site.answers()), ...site.logLines];
  expect(seen.length).toBeGreaterThan(10);
  for (const secret of secretsOf(site.crm.tenants)) {
    for (const text of seen) expect(text.includes(secret), 'a secret was sent').toBe(false);
  }
  expect(site.complaints).toEqual([]);
}

/** The card of a provider in `<provider-settings>`, opened. */
export async function openCard(page: Page, provider: string): Promise<Locator> {
  const card = page.locator(`[data-provider=${provider}]`);
  const head = card.locator('h2 button');
  await head.waitFor();
  if ((await head.getAttribute('aria-expanded')) === 'false') await head.click();
  return card;
}

/** Chooses how to connect, fills fields by label, and saves. */
export async function save(
  page: Page,
  provider: string,
  fields: Readonly<Record<string, string>>,
  method?: string,
): Promise<Locator> {
  const card = await openCard(page, provider);
  if (method !== undefined) await card.getByRole('radio', { name: method }).check();
  for (const [label, value] of Object.entries(fields)) {
    await card.getByRole('textbox', { name: label, exact: true }).fill(value);
  }
  await card.getByRole('button', { name: 'Save' }).click();
  return card;
}

const axe = await readFile(
  new URL('../../node_modules/axe-core/axe.min.js', import.meta.url),
  'utf8',
);

/** What axe finds on the page, and whether something is cut off. */
export async function problemsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const violations = await page.evaluate<string[]>(
    "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary].join(' '))))",
  );
  const tooWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth');
  return [...violations, ...(tooWide ? ['too wide'] : [])];
}

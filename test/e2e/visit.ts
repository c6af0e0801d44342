import { pino } from 'pino';
import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, expect } from 'vitest';
import { type DemoCrm, startDemoCrm } from '../../examples/demo/demo-crm.ts';
import { type DemoTenant, secretsOf } from '../../examples/demo/tenants.ts';
import { openBrowser } from '../support/chromium.ts';
import { testDatabase } from '../support/database.ts';

export const password = 'of-the-browser-tests';

/** The example CRM, and browsers whose every answer is kept. */
export interface Site {
  readonly crm: DemoCrm;
  /** A new browser at the login page. */
  visit(options?: BrowserContextOptions): Promise<Page>;
  /** A new browser in which somebody of `tenant` has logged in. */
  visitAs(tenant: DemoTenant, options?: BrowserContextOptions): Promise<Page>;
  /** Text of every answer that a browser has had so far: pages, scripts, headers, data. */
  answers(): Promise<string[]>;
  /** What the pages complained of: errors of scripts and of the content security policy. */
  readonly complaints: string[];
  /** The lines of the request log. */
  readonly logLines: string[];
}

export async function startSite(): Promise<Site> {
  const { db } = await testDatabase();
  const logLines: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line) => void logLines.push(line) });
  const crm = await startDemoCrm({ db, log, password });
  const closing: (() => Promise<void>)[] = [];
  const answers: Promise<string>[] = [];
  const complaints: string[] = [];
  afterAll(async () => {
    await Promise.all(closing.map((close) => close()));
    await crm.close();
  });

  async function visit(options: BrowserContextOptions = {}): Promise<Page> {
    const { context, close } = await openBrowser(options);
    closing.push(close);
    const page = await context.newPage();
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

  async function visitAs(tenant: DemoTenant, options?: BrowserContextOptions): Promise<Page> {
    const page = await visit(options);
    await page.getByLabel('E-mail').fill(tenant.email);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    return page;
  }

  return { crm, visit, visitAs, answers: () => Promise.all(answers), complaints, logLines };
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

/** The card of a provider, opened. */
export async function openCard(page: Page, provider: string): Promise<Locator> {
  const card = page.locator(`[data-provider=${provider}]`);
  await card.waitFor();
  if ((await card.getAttribute('open')) === null) await card.locator('> summary').click();
  return card;
}

/** Opens what is folded away, fills fields by label, and saves. */
export async function save(
  page: Page,
  provider: string,
  fields: Readonly<Record<string, string>>,
): Promise<Locator> {
  const card = await openCard(page, provider);
  const more = card.locator('details.more:not([open]) > summary');
  if ((await more.count()) > 0) await more.click();
  for (const [label, value] of Object.entries(fields)) {
    await card.getByLabel(label, { exact: true }).fill(value);
  }
  await card.getByRole('button', { name: 'Save' }).click();
  return card;
}

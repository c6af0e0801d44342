import { channel } from 'node:diagnostics_channel';
import { MongoClient } from 'mongodb';
import { pino } from 'pino';
import { HEALTH_CHANNEL, type HealthEvent } from 'provider-vault';
import { describe, expect, inject, it, vi } from 'vitest';
import { startUpkeep } from '../../examples/crm/upkeep.ts';
import { memoryVault } from '../support/fixtures.ts';
import { crmSite } from './crm-site.ts';

const { crm, db, ada } = await crmSite({ upkeep: { checkEveryMs: 100 } });
const { acme, initech } = crm.tenants;

describe('the CRM by itself', () => {
  it('tests what is stored, and tells a tenant once of each change', async () => {
    const told = async () =>
      (await ada.get('settings')).body.notices.map(({ text }: { text: string }) => text);
    const twilio = () => ada.provider('twilio');
    await vi.waitFor(async () => expect((await twilio()).health?.state).toBe('ok'), 20_000);
    expect(await told()).toEqual([]); // that all is well is no news
    const sid = { accountSid: acme.twilio.accountSid };
    await crm.vault.put('acme', 'twilio', { ...sid, authToken: initech.twilio.authToken });
    const refused = 'Twilio refuses these credentials';
    await vi.waitFor(async () => expect(await told()).toEqual([refused]), 20_000);
    const { checkedAt = '', since, state } = (await twilio()).health ?? {};
    expect(state).toBe('failing');
    await vi.waitFor(async () => {
      const later = (await twilio()).health;
      expect(String(later?.checkedAt) > checkedAt).toBe(true);
      expect(later?.since).toBe(since);
    }, 20_000);
    expect(await told()).toEqual([refused]);
    await crm.vault.put('acme', 'twilio', acme.twilio);
    const both = ['Twilio accepts these credentials', refused];
    await vi.waitFor(async () => expect(await told()).toEqual(both), 20_000);
    // another tenant hears nothing of it, and the tests themselves are not activity
    expect(await db.collection('notices').countDocuments({ tenantId: { $ne: 'acme' } })).toBe(0);
    const { activity } = (await ada.get('provider-settings')).body;
    expect(activity.filter(({ action }: { action: string }) => action === 'test')).toEqual([]);
    expect(crm.twilio.messages).toEqual([]);
    expect(crm.sendgrid.mails).toEqual([]);
  });

  it('logs what fails, without a value, goes on, and stops', async () => {
    const { vault, store } = memoryVault();
    const lines: string[] = [];
    const log = pino({}, { write: (line) => void lines.push(line) });
    let scans = 0;
    store.scan = () => {
      scans++;
      throw new Error('of the store, with a-secret in it');
    };
    const client = new MongoClient(inject('mongoUri')); // for the notices, and closed
    await client.connect();
    await client.close();
    const stop = startUpkeep({
      db: client.db('closed'),
      vault,
      log,
      checkEveryMs: 20,
      refreshEveryMs: 20,
    });
    const logged = (task: string) => lines.filter((line) => JSON.parse(line).task === task).length;
    await vi.waitFor(() => {
      for (const task of ['health', 'refresh']) expect(logged(task)).toBeGreaterThan(1);
    }, 20_000);
    const event = { tenantId: 'acme', provider: 'twilio', state: 'ok' } as HealthEvent;
    channel(HEALTH_CHANNEL).publish({ ...event, since: new Date(), checkedAt: new Date() });
    await stop();
    expect(logged('notice')).toBe(1);
    expect(lines.join('')).not.toContain('a-secret');
    const before = scans;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(scans).toBe(before);
    await crm.close();
    expect(channel(HEALTH_CHANNEL).hasSubscribers).toBe(false);
  });
});

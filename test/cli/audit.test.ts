import { userInfo } from 'node:os';
import { type AuditEvent, MongoAuditSink } from 'provider-vault';
import { beforeEach, describe, expect, it } from 'vitest';
import { mongoPlace } from '../support/cli-places.ts';
import { accountSid, authToken, newKey } from '../support/fixtures.ts';
import { runCli } from '../support/run-cli.ts';

const { db, env: place } = await mongoPlace();
const key = newKey();
const env = { ...place, APP_ENCRYPTION_KEY: key };
const actor = `cli:${userInfo().username}`;

async function run(args: readonly string[], input?: string, more: Record<string, string> = {}) {
  return runCli(args, { env: { ...env, ...more }, ...(input !== undefined && { input }) });
}

/** The events that a command leaves in the audit trail beside the records. */
async function eventsOf(args: readonly string[], input?: string, more?: Record<string, string>) {
  const collection = args.includes('--audit-collection') ? 'trail' : 'secrets_audit';
  await db.collection(collection).deleteMany({});
  const { code } = await run(args, input, more);
  const events = await new MongoAuditSink(db, { collection }).find();
  return { code, events: events.map(({ at, ...event }: AuditEvent) => event) };
}

beforeEach(async () => {
  await db.dropDatabase();
  expect((await run(['init'])).code).toBe(0);
});

describe('every write and every reveal is in the audit trail', () => {
  it('set, get --reveal and delete', async () => {
    const set = await eventsOf(['set', 'acme', 'twilio', 'authToken'], authToken(1));
    const where = { tenantId: 'acme', provider: 'twilio', outcome: 'ok', actor };
    expect(set.events).toContainEqual(
      expect.objectContaining({ ...where, action: 'patch', fields: ['authToken'] }),
    );
    const reveal = await eventsOf(['get', 'acme', 'twilio', '--reveal']);
    expect(reveal.events).toEqual([expect.objectContaining({ ...where, action: 'get' })]);
    const field = await eventsOf(['delete', 'acme', 'twilio', 'authToken', '--yes']);
    expect(field.events).toContainEqual(expect.objectContaining({ ...where, action: 'patch' }));
    const record = await eventsOf(['delete', 'acme', 'twilio', '--yes', '--actor', 'ann']);
    expect(record.events).toEqual([
      expect.objectContaining({ ...where, action: 'delete', actor: 'ann' }),
    ]);
  });

  it('migrate and rotate, in the collection that is named', async () => {
    await db.collection('settings').insertOne({ user_id: 'u', twilio_account_sid: accountSid(1) });
    const trail = ['--audit-collection', 'trail'];
    expect(await run(['migrate', ...trail])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has no collection "trail"'),
    });
    expect((await run(['init', ...trail])).code).toBe(0);
    const migrated = await eventsOf(['migrate', ...trail]);
    expect(migrated).toMatchObject({ code: 0, events: [{ action: 'migrate', actor }] });
    const next = { APP_ENCRYPTION_KEY: newKey(), APP_DECRYPTION_KEYS: key };
    const rotated = await eventsOf(['rotate', ...trail], undefined, next);
    expect(rotated).toMatchObject({
      code: 0,
      events: [{ action: 'rotate', tenantId: 'u', provider: 'twilio', actor }],
    });
  });

  it('a refusal too', async () => {
    const { code, events } = await eventsOf(['delete', 'acme', 'twilio', '--yes']);
    expect(code).toBe(1);
    expect(events).toContainEqual(
      expect.objectContaining({ action: 'delete', outcome: 'refused', actor }),
    );
  });
});

it('what reads without revealing leaves none', async () => {
  await run(['set', 'acme', 'twilio', 'authToken'], authToken(1));
  for (const args of [
    ['get', 'acme', 'twilio'],
    ['status', 'acme'],
    ['verify'],
    ['rotate', '--dry-run'],
  ]) {
    expect((await eventsOf(args)).events).toEqual([]);
  }
});

import type { AddressInfo } from 'node:net';
import type { Db } from 'mongodb';
import type { Logger } from 'pino';
import { generateKey, Keyring } from 'provider-vault';
import { FakeSendGrid, FakeTwilio } from 'provider-vault/testing';
import { type CrmParts, createApp } from '../crm/app.ts';
import { close, listen } from '../crm/http/listen.ts';
import type { Mailbox } from '../crm/providers.ts';
import { startUpkeep, type UpkeepParts } from '../crm/upkeep.ts';
import { openVault } from '../crm/vault.ts';
import { failureSwitch } from './failures.ts';
import { seedOldDatabase, seedPeople } from './seed.ts';
import { demoTenants, readOldRecord, sendgridKeys, twilioAccounts } from './tenants.ts';

export interface DemoOptions {
  readonly db: Db;
  readonly log: Logger;
  /** What everybody logs in with. */
  readonly password: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** What tenants can connect; none by default. */
  readonly mailboxes?: readonly Mailbox[];
  /** How often the CRM renews access and tests credentials by itself. */
  readonly upkeep?: Pick<UpkeepParts, 'refreshEveryMs' | 'checkEveryMs'>;
}

/** The CRM with stand-ins of Twilio and SendGrid, over an old database. */
export async function startDemoCrm(options: DemoOptions) {
  const { db } = options;
  const old = await readOldRecord();
  const tenants = demoTenants(old);
  await seedOldDatabase(db, tenants, old.data);
  await seedPeople(db, Object.values(tenants), options.password);
  const twilio = await FakeTwilio.start({ accounts: twilioAccounts(tenants) });
  const sendgrid = await FakeSendGrid.start({ keys: sendgridKeys(tenants) });
  const sdk = { client: twilio.clientOptions(), baseUrl: sendgrid.url };
  const demo = failureSwitch({ twilio, sendgrid });
  const closeStandIns = () => Promise.all([twilio.close(), sendgrid.close()]);
  const crm = await serve(options, old.key, { sdk, demo }).catch(async (error) => {
    await closeStandIns();
    throw error;
  });
  return {
    ...crm,
    tenants,
    twilio,
    sendgrid,
    close: async () => {
      await crm.close();
      await closeStandIns();
    },
  };
}

export type DemoCrm = Awaited<ReturnType<typeof startDemoCrm>>;

/** The CRM with one empty tenant, whose SDKs send to the real Twilio and SendGrid. */
export async function startRealCrm(options: DemoOptions) {
  const { acme } = demoTenants(await readOldRecord());
  await seedPeople(options.db, [acme], options.password);
  return { ...(await serve(options, generateKey(), {})), email: acme.email };
}

async function serve(
  { db, log, port = 0, mailboxes = [], upkeep = {} }: DemoOptions,
  encryptionKey: string,
  around: Pick<CrmParts, 'sdk' | 'demo'>,
) {
  const server = await listen(port, '127.0.0.1');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    publicUrl: url,
    csrfSecret: generateKey(),
    trustedProxies: 0,
    env: {}, // the demo does not depend on what your shell has set
    mailboxes,
    auditDays: 1,
  };
  // In a real backend the key comes from the environment: Keyring.fromEnv().
  const { vault, audit } = await openVault(db, new Keyring({ encryptionKey }), config);
  server.on('request', await createApp({ db, vault, audit, config, log, ...around }));
  const stopUpkeep = startUpkeep({
    db,
    vault,
    log,
    ...(around.sdk && { sdk: around.sdk }),
    ...upkeep,
  });
  return {
    url,
    db,
    vault,
    close: async () => {
      await close(server, 0);
      await stopUpkeep();
      await audit.close();
    },
  };
}

import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import type { Db } from 'mongodb';
import {
  defineProvider,
  eraseTenant,
  getSendGridClient,
  getTwilioClient,
  isVaultError,
  migrateFromSettings,
  refreshDue,
  type SecretsVault,
  VaultError,
  verifySendGridWebhook,
  verifyTwilioWebhook,
  verifyVault,
} from 'provider-vault';
import twilio from 'twilio';
import { type Content, expectEqual, MARK, type Model, WrongAnswer } from './soak-model.ts';

/** Where the parts of a soak are. */
export interface Places {
  readonly uri: string;
  readonly kms: string;
  readonly kmsToken: string;
  readonly twilio: string;
  readonly sendgrid: string;
  readonly tokens: string;
}

export const TENANTS = 24;
export const KEYS_PER_TENANT = 4;

const hex = (n: number, length: number) => n.toString(16).padStart(length, '0');
/** What tenant `n` has at the providers: the stand-ins accept these and no other. */
export const account = (n: number) => ({
  tenantId: `tenant-${n}`,
  accountSid: `AC${hex(n, 32)}`,
  authToken: `${MARK}${hex(n, 24)}`,
  phoneNumber: `+1415555${String(1_000 + n)}`,
  sendgridKey: `SG.${MARK}${hex(n, 14)}.${'k'.repeat(43)}`,
  apiKeys: Array.from({ length: KEYS_PER_TENANT }, (_, key) => ({
    sid: `SK${hex(n * KEYS_PER_TENANT + key, 32)}`,
    secret: `${MARK}${hex(n * KEYS_PER_TENANT + key, 24)}`,
  })),
});
export type Account = ReturnType<typeof account>;

const signing = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const webhookPublicKey = signing.publicKey
  .export({ type: 'spki', format: 'der' })
  .toString('base64');
const WEBHOOK = 'https://crm.example/twilio';
const pick = <T>(items: readonly T[]) => items[Math.floor(Math.random() * items.length)] as T;
const reveal = (found: { reveal(): Content } | undefined) => found && { ...found.reveal() };

/** A provider whose access tokens live for seconds. Its server says whose token it gives. */
export const tokenProvider = (url: string) =>
  defineProvider({
    name: 'tokens',
    fields: {
      accessToken: { label: 'Access token', secret: true },
      refreshToken: { label: 'Refresh token', secret: true },
      expiresAt: { label: 'Expires', secret: false },
    },
    complete: [['accessToken']],
    refresh: {
      expiresAt: 'expiresAt',
      marginMs: 1_000,
      exchange: async ({ fields, signal }) => {
        const tenantId = fields.refreshToken?.slice(MARK.length) ?? '';
        const answer = await fetch(`${url}/${tenantId}`, { method: 'POST', signal });
        return (await answer.json()) as { accessToken: string; expiresAt: string };
      },
    },
  });

/** Everything a CRM does with credentials, each answer held against the model. */
export function traffic(parts: {
  readonly vault: SecretsVault;
  /** Another view of the same store, without a cache. */
  readonly other: SecretsVault;
  readonly tokens: ReturnType<typeof tokenProvider>;
  readonly model: Model;
  readonly places: Places;
  readonly db: Db;
}) {
  const { vault, other, tokens, model, places, db } = parts;

  const httpClient = new twilio.RequestClient();
  const request = httpClient.request.bind(httpClient);
  httpClient.request = (options) => {
    const { pathname, search } = new URL(options.uri);
    return request({ ...options, uri: places.twilio + pathname + search });
  };
  const client = { httpClient };

  const twilioFields = (own: Account) => {
    const { sid, secret } = pick(own.apiKeys);
    const { accountSid, authToken, phoneNumber } = own;
    return { accountSid, authToken, phoneNumber, apiKey: sid, apiSecret: secret };
  };
  const sendgridFields = ({ sendgridKey }: Account) => ({ apiKey: sendgridKey, webhookPublicKey });
  const keyOf = ({ tenantId }: Account, provider: string) => `${tenantId}/${provider}`;

  /** What a record holds; after a write whose answer was lost, both vaults say the same. */
  async function content(own: Account, provider: 'twilio' | 'custom'): Promise<Content> {
    const key = keyOf(own, provider);
    if (model.settled(key) === 'unsettled') {
      model.read(key, reveal(await vault.get(own.tenantId, provider)));
      model.read(key, reveal(await other.get(own.tenantId, provider)));
    }
    return model.settled(key) as Content;
  }
  const replace = (own: Account, provider: 'twilio' | 'custom', fields: Record<string, string>) =>
    model.write(keyOf(own, provider), fields, () => vault.put(own.tenantId, provider, fields));
  const customFields = () => ({
    token: `${MARK}${Math.random()}`,
    note: 'ü'.repeat(pick([0, 9, 999])),
  });
  const formSignature = (own: Account, params: Record<string, string>) => {
    const text = Object.keys(params)
      .sort()
      .map((name) => name + params[name]);
    return createHmac('sha1', own.authToken)
      .update(WEBHOOK + text.join(''))
      .digest('base64');
  };

  async function begin(own: Account): Promise<void> {
    const { tenantId } = own;
    await replace(own, 'twilio', twilioFields(own));
    await vault.put(tenantId, 'sendgrid', sendgridFields(own));
    const expired = new Date(0).toISOString();
    const first = { accessToken: MARK, refreshToken: MARK + tenantId, expiresAt: expired };
    await vault.put(tenantId, tokens, first);
  }

  const operations: Record<string, (own: Account) => Promise<void>> = {
    put: (own) => replace(own, 'twilio', twilioFields(own)),
    putOther: (own) => replace(own, 'custom', customFields()),
    delete: (own) =>
      model.write(keyOf(own, 'custom'), undefined, () => vault.delete(own.tenantId, 'custom')),
    get: async (own) => {
      for (const provider of ['twilio', 'custom']) {
        model.read(keyOf(own, provider), reveal(await vault.get(own.tenantId, provider)));
        model.read(keyOf(own, provider), reveal(await other.get(own.tenantId, provider)));
      }
    },
    getMany: async (own) => {
      const refs = ['twilio', 'sendgrid', 'custom'].map((provider) => ({
        tenantId: own.tenantId,
        provider,
      }));
      const [first, mail, custom] = await vault.getMany(refs);
      for (const { error } of [first, mail, custom].flatMap((found) => found ?? [])) {
        if (error) throw error;
      }
      model.read(keyOf(own, 'twilio'), reveal(first?.credentials));
      expectEqual('sendgrid', reveal(mail?.credentials), sendgridFields(own));
      model.read(keyOf(own, 'custom'), reveal(custom?.credentials));
    },
    patch: async (own) => {
      const before = await content(own, 'twilio');
      const { meta } = await vault.require(own.tenantId, 'twilio');
      const { sid: apiKey, secret: apiSecret } = pick(own.apiKeys);
      const write = { ifMatch: meta.etag };
      await model.write(keyOf(own, 'twilio'), { ...before, apiKey, apiSecret }, () =>
        vault.patch(own.tenantId, 'twilio', { apiKey, apiSecret }, write),
      );
    },
    stalePatch: async (own) => {
      await content(own, 'twilio');
      const { meta } = await vault.require(own.tenantId, 'twilio');
      await replace(own, 'twilio', { ...twilioFields(own), region: pick(['us1', 'ie1']) });
      await replace(own, 'twilio', twilioFields(own));
      const stale = vault.patch(own.tenantId, 'twilio', { region: 'au1' }, { ifMatch: meta.etag });
      const error = await stale.then(
        () => new WrongAnswer('a stale etag was accepted'),
        (e) => e,
      );
      if (!isVaultError(error, 'ERR_CONFLICT')) throw error;
    },
    status: async (own) => {
      const { state, fields } = await vault.status(own.tenantId, 'twilio');
      // A status does not throw: it says of a record that cannot be opened now that it is unreadable.
      if (state === 'unreadable') await vault.require(own.tenantId, 'twilio');
      else {
        expectEqual('state', state, 'configured');
        expectEqual('set', fields.authToken?.set, true);
        if (JSON.stringify(fields).includes(MARK)) throw new WrongAnswer('a status shows a secret');
      }
    },
    applyForm: async (own) => {
      const before = await content(own, 'twilio');
      const { state, fields } = await vault.status(own.tenantId, 'twilio');
      if (state !== 'configured') return;
      const phoneNumber = own.phoneNumber;
      const twimlAppSid = `AP${hex(Math.floor(Math.random() * 1e9), 32)}`;
      const form = { authToken: fields.authToken?.masked ?? '', phoneNumber, twimlAppSid };
      await model.write(keyOf(own, 'twilio'), { ...before, phoneNumber, twimlAppSid }, () =>
        vault.applyForm(own.tenantId, 'twilio', form),
      );
    },
    findTenants: async ({ tenantId, accountSid, phoneNumber }) => {
      expectEqual('account', await other.findTenants('twilio', { accountSid }), [tenantId]);
      expectEqual('number', await other.findTenants('twilio', { phoneNumber }), [tenantId]);
    },
    text: async ({ tenantId, accountSid, phoneNumber: from }) => {
      const sdk = await getTwilioClient(vault, { tenantId, env: {}, client });
      const message = await sdk.messages.create({ to: '+14155550100', from, body: tenantId });
      expectEqual('account of the message', message.accountSid, accountSid);
    },
    mail: async ({ tenantId }) => {
      const options = { tenantId, env: {}, baseUrl: places.sendgrid };
      const mail = await getSendGridClient(vault, options);
      const to = `${tenantId}@example.com`; // the stand-in's side looks which key it came with
      const [{ statusCode }] = await mail.send({
        to,
        from: 'crm@example.com',
        subject: 'Hi',
        text: 'Hi',
      });
      expectEqual('status of the mail', statusCode, 202);
    },
    fresh: async ({ tenantId }) => {
      const begun = Date.now();
      const got = await Promise.all([1, 2, 3].map(() => vault.fresh(tenantId, tokens)));
      for (const { accessToken, expiresAt } of got) {
        expectEqual('whose token', accessToken?.split('/')[0], MARK + tenantId);
        if (Date.parse(expiresAt ?? '') < begun) throw new WrongAnswer('an expired token');
      }
    },
    twilioWebhook: async (own) => {
      await content(own, 'twilio');
      const params = {
        AccountSid: own.accountSid,
        From: '+14155559999',
        To: own.phoneNumber,
        SmsStatus: 'received',
      };
      const signed = { env: {}, url: WEBHOOK, params, signature: formSignature(own, params) };
      const right = await verifyTwilioWebhook(vault, { ...signed, tenantId: own.tenantId });
      expectEqual('webhook', right.ok, true);
      const found = await verifyTwilioWebhook(vault, { ...signed, resolve: true });
      expectEqual('tenant of the webhook', found.tenantId, own.tenantId);
      const forged = { ...signed, params: { ...params, From: '+1' }, tenantId: own.tenantId };
      expectEqual('forged webhook', (await verifyTwilioWebhook(vault, forged)).ok, false);
    },
    sendgridWebhook: async ({ tenantId }) => {
      const timestamp = String(Math.floor(Date.now() / 1_000));
      const rawBody = JSON.stringify([{ tenantId, event: 'delivered' }]);
      const signature = sign(
        'sha256',
        Buffer.from(timestamp + rawBody),
        signing.privateKey,
      ).toString('base64');
      const signed = { tenantId, timestamp, rawBody, signature };
      expectEqual('event', (await verifySendGridWebhook(vault, signed)).ok, true);
      const forged = { ...signed, rawBody: `${rawBody} ` };
      expectEqual('forged event', (await verifySendGridWebhook(vault, forged)).ok, false);
    },
  };

  /** A customer of the old system comes, and goes. Each step can be done again. */
  const settings = db.collection('settings');
  /** What the application itself asks of the database, which may be away, too. */
  const direct = <T>(asked: Promise<T>): Promise<T> =>
    asked.catch((cause) => {
      throw new VaultError('ERR_STORE_UNAVAILABLE', 'The settings cannot be read.', { cause });
    });
  let arrivals = 0;
  const migrate = async (): Promise<void> => {
    const tenantId = `old-${arrivals}`;
    const { accountSid, authToken } = account(TENANTS + 1 + arrivals);
    const old = { twilio_account_sid: accountSid, twilio_auth_token: authToken, theme: 'dark' };
    const whose = { user_id: tenantId };
    await direct(settings.updateOne(whose, { $setOnInsert: old }, { upsert: true }));
    await migrateFromSettings(vault, { settings, tenantIds: [tenantId], erase: true });
    expectEqual('moved', reveal(await vault.get(tenantId, 'twilio')), { accountSid, authToken });
    const { _id, ...left } = (await direct(settings.findOne(whose))) ?? {};
    expectEqual('left in the settings', left, { ...whose, theme: 'dark' });
    arrivals++;
    await eraseTenant(vault, tenantId);
    const writing = vault.put(tenantId, 'twilio', { accountSid, authToken });
    const error = await writing.then(
      () => new WrongAnswer('an erased tenant was written'),
      (e) => e,
    );
    if (!isVaultError(error, 'ERR_KEY_ERASED')) throw error;
  };
  const verify = async (): Promise<void> => {
    const { problemCount, problems, lookupMissing } = await verifyVault(other);
    expectEqual(
      `problems ${inspectIds(problems)}`,
      { problemCount, lookupMissing },
      { problemCount: 0, lookupMissing: 0 },
    );
  };
  const renew = async (): Promise<void> => {
    expectEqual('not renewed', (await refreshDue(vault, { withinMs: 500 })).failedCount, 0);
  };
  return { begin, operations, upkeep: { migrate, verify, renew }, httpClient };
}

const inspectIds = (problems: readonly object[]) => JSON.stringify(problems.slice(0, 3));

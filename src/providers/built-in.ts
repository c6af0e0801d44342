import {
  defineProvider,
  type FieldDefinition,
  type ProviderDefinition,
} from './define-provider.ts';
import type { ProviderMethod } from './methods.ts';

// The calls are marked as pure, so that a bundler leaves out what an application does not use.

const API_KEY_ONLY: readonly ProviderMethod<'apiKey'>[] = [
  { id: 'api-key', label: 'API key', fields: ['apiKey'], recommended: true },
];

/**
 * Twilio: an account SID with an API key (preferred: it can be revoked alone), with an OAuth app, or
 * with the account's auth token. Webhooks are signed with the auth token, whichever of them sends.
 *
 * @public
 */
export const twilioProvider = /* @__PURE__ */ defineProvider({
  name: 'twilio',
  label: 'Twilio',
  fields: {
    accountSid: {
      label: 'Account SID',
      secret: false,
      lookup: true,
      env: 'TWILIO_ACCOUNT_SID',
      settingsKey: 'twilio_account_sid',
      pattern: /^AC[0-9a-fA-F]{32}$/,
      example: '"AC" and 32 hex digits',
    },
    authToken: {
      label: 'Auth token',
      secret: true,
      env: 'TWILIO_AUTH_TOKEN',
      settingsKey: 'twilio_auth_token',
      pattern: /^\S+$/,
      example: '32 hex digits without spaces',
    },
    authTokenSecondary: {
      label: 'Secondary auth token',
      secret: true,
      env: 'TWILIO_AUTH_TOKEN_SECONDARY',
      settingsKey: 'twilio_auth_token_secondary',
      pattern: /^\S+$/,
      example: '32 hex digits without spaces',
    },
    apiKey: {
      label: 'API key SID',
      secret: true,
      env: 'TWILIO_API_KEY',
      settingsKey: 'twilio_api_key',
      pattern: /^SK[0-9a-fA-F]{32}$/,
      example: '"SK" and 32 hex digits',
    },
    apiSecret: {
      label: 'API key secret',
      secret: true,
      env: 'TWILIO_API_SECRET',
      settingsKey: 'twilio_api_secret',
      pattern: /^\S+$/,
      example: '32 letters and digits without spaces',
    },
    oauthClientId: {
      label: 'OAuth client ID',
      secret: false,
      env: 'TWILIO_OAUTH_CLIENT_ID',
      pattern: /^\S+$/,
      example: '"OQ" and 32 hex digits',
    },
    oauthClientSecret: {
      label: 'OAuth client secret',
      secret: true,
      env: 'TWILIO_OAUTH_CLIENT_SECRET',
      pattern: /^\S+$/,
      example: 'a secret without spaces',
    },
    phoneNumber: {
      label: 'Phone number',
      secret: false,
      lookup: true,
      settingsKey: 'twilio_phone_number',
      example: '+15005550006',
    },
    whatsappNumber: {
      label: 'WhatsApp number',
      secret: false,
      lookup: true,
      settingsKey: 'twilio_whatsapp_number',
      example: '+15005550006',
    },
    twimlAppSid: {
      label: 'TwiML app SID',
      secret: false,
      env: 'TWILIO_TWIML_APP_SID',
      settingsKey: 'twilio_twiml_app_sid',
      pattern: /^AP[0-9a-fA-F]{32}$/,
      example: '"AP" and 32 hex digits',
    },
    agentPhoneNumber: {
      label: "Agent's phone number",
      secret: false,
      settingsKey: 'agent_phone_number',
    },
    region: {
      label: 'Region',
      secret: false,
      env: 'TWILIO_REGION',
      pattern: /^[a-z]{2}\d$/,
      example: 'us1, ie1 or au1',
    },
    edge: {
      label: 'Edge',
      secret: false,
      env: 'TWILIO_EDGE',
      pattern: /^[a-z-]+$/,
      example: 'ashburn, dublin, sydney',
    },
  },
  complete: [
    ['accountSid', 'apiKey', 'apiSecret'],
    ['accountSid', 'authToken'],
    ['accountSid', 'oauthClientId', 'oauthClientSecret'],
  ],
  methods: [
    {
      id: 'api-key',
      label: 'API key',
      fields: ['accountSid', 'apiKey', 'apiSecret', 'authToken'],
      recommended: true,
    },
    { id: 'auth-token', label: 'Auth token', fields: ['accountSid', 'authToken'] },
    {
      id: 'oauth',
      label: 'OAuth app',
      fields: ['accountSid', 'oauthClientId', 'oauthClientSecret', 'authToken'],
    },
  ],
  capabilities: {
    sms: ['phoneNumber'],
    calls: ['phoneNumber', 'twimlAppSid'],
    whatsapp: ['whatsappNumber'],
  },
});

/**
 * SendGrid: an API key, of the region that `residency` names.
 *
 * @public
 */
export const sendgridProvider = /* @__PURE__ */ defineProvider({
  name: 'sendgrid',
  label: 'SendGrid',
  fields: {
    apiKey: {
      label: 'API key',
      secret: true,
      env: 'SENDGRID_API_KEY',
      settingsKey: 'sendgrid_api_key',
      pattern: /^SG\.\S+$/,
      example: '"SG." and two parts joined by a dot',
    },
    senderEmail: {
      label: 'Sender',
      secret: false,
      lookup: true,
      settingsKey: 'sender_email',
      example: 'hello@company.example',
    },
    residency: {
      label: 'Data residency',
      secret: false,
      env: 'SENDGRID_RESIDENCY',
      pattern: /^(global|eu)$/,
      example: 'global or eu',
    },
    webhookPublicKey: {
      label: 'Public key of the signed event webhook',
      secret: false,
      // SubjectPublicKeyInfo of an uncompressed point on P-256, RFC 5480 §2: 91 bytes.
      pattern: /^MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE[A-Za-z0-9+/]{86}==$/,
      example: 'base64 of a P-256 public key',
    },
  },
  complete: [['apiKey']],
  methods: API_KEY_ONLY,
  capabilities: { email: ['senderEmail'], events: ['webhookPublicKey'] },
});

function apiKey(env: string, settingsKey: string): FieldDefinition {
  return {
    label: 'API key',
    secret: true,
    env,
    settingsKey,
    pattern: /^\S+$/,
    example: 'a key without spaces',
  };
}

/**
 * A mail server of the tenant's own.
 *
 * @public
 */
export const smtpProvider = /* @__PURE__ */ defineProvider({
  name: 'smtp',
  label: 'SMTP',
  fields: {
    hostname: {
      label: 'Host name',
      secret: false,
      settingsKey: 'smtp_hostname',
      example: 'mail.company.example',
      destination: true,
    },
    port: {
      label: 'Port',
      secret: false,
      destination: true,
      settingsKey: 'smtp_port',
      pattern: /^\d{1,5}$/,
      example: '587',
    },
    username: {
      label: 'User name',
      secret: false,
      settingsKey: 'smtp_username',
    },
    password: {
      label: 'Password',
      secret: true,
      settingsKey: 'smtp_password',
    },
    fromEmail: {
      label: 'Sender',
      secret: false,
      settingsKey: 'smtp_from_email',
      example: 'hello@company.example',
    },
  },
  complete: [['hostname', 'username', 'password']],
  test: async (context) => (await import('./test-smtp.ts')).testSmtp(context),
  methods: [
    {
      id: 'password',
      label: 'User name and password',
      fields: ['hostname', 'port', 'username', 'password'],
      recommended: true,
    },
  ],
  capabilities: { email: ['fromEmail'] },
});

/**
 * OpenAI.
 *
 * @public
 */
export const openaiProvider = /* @__PURE__ */ defineProvider({
  name: 'openai',
  label: 'OpenAI',
  fields: {
    apiKey: /* @__PURE__ */ apiKey('OPENAI_API_KEY', 'openai_api_key'),
  },
  complete: [['apiKey']],
  test: async (context) => (await import('./test-models.ts')).testModels('openai', context),
  methods: API_KEY_ONLY,
  capabilities: { ai: ['apiKey'] },
});

/**
 * Anthropic.
 *
 * @public
 */
export const anthropicProvider = /* @__PURE__ */ defineProvider({
  name: 'anthropic',
  label: 'Anthropic',
  fields: {
    apiKey: /* @__PURE__ */ apiKey('ANTHROPIC_API_KEY', 'anthropic_api_key'),
  },
  complete: [['apiKey']],
  test: async (context) => (await import('./test-models.ts')).testModels('anthropic', context),
  methods: API_KEY_ONLY,
  capabilities: { ai: ['apiKey'] },
});

/**
 * Google Gemini.
 *
 * @public
 */
export const geminiProvider = /* @__PURE__ */ defineProvider({
  name: 'gemini',
  label: 'Gemini',
  fields: {
    apiKey: /* @__PURE__ */ apiKey('GEMINI_API_KEY', 'gemini_api_key'),
  },
  complete: [['apiKey']],
  test: async (context) => (await import('./test-models.ts')).testModels('gemini', context),
  methods: API_KEY_ONLY,
  capabilities: { ai: ['apiKey'] },
});

/**
 * The providers this library knows by name.
 *
 * @public
 */
export interface BuiltInProviders {
  twilio: typeof twilioProvider;
  sendgrid: typeof sendgridProvider;
  smtp: typeof smtpProvider;
  openai: typeof openaiProvider;
  anthropic: typeof anthropicProvider;
  gemini: typeof geminiProvider;
}

/** @internal */
export const builtInProviders: readonly ProviderDefinition[] = [
  twilioProvider,
  sendgridProvider,
  smtpProvider,
  openaiProvider,
  anthropicProvider,
  geminiProvider,
];

import { defineProvider } from './define-provider.ts';

/**
 * Twilio: an account SID with an API key (preferred: it can be revoked alone) or with the account's
 * auth token. Webhooks are signed with the auth token, whichever of the two sends.
 *
 * @public
 */
export const twilioProvider = defineProvider({
  name: 'twilio',
  fields: {
    accountSid: {
      label: 'Account SID',
      secret: false,
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
    phoneNumber: {
      label: 'Phone number',
      secret: false,
      settingsKey: 'twilio_phone_number',
    },
    whatsappNumber: {
      label: 'WhatsApp number',
      secret: false,
      settingsKey: 'twilio_whatsapp_number',
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
  ],
});

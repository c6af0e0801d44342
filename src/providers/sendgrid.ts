import { defineProvider } from './define-provider.ts';

/**
 * SendGrid: an API key, of the region that `residency` names.
 *
 * @public
 */
export const sendgridProvider = defineProvider({
  name: 'sendgrid',
  fields: {
    apiKey: {
      label: 'API key',
      secret: true,
      env: 'SENDGRID_API_KEY',
      settingsKey: 'sendgrid_api_key',
      pattern: /^SG\.\S+$/,
      example: '"SG." and two parts joined by a dot',
    },
    senderEmail: { label: 'Sender', secret: false, settingsKey: 'sender_email' },
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
      pattern: /^[A-Za-z0-9+/]+={0,2}$/,
      example: 'base64 of a P-256 public key',
    },
  },
  complete: [['apiKey']],
});

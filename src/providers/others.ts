import { defineProvider, type FieldDefinition } from './define-provider.ts';

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
export const smtpProvider = defineProvider({
  name: 'smtp',
  fields: {
    hostname: { label: 'Host name', secret: false, settingsKey: 'smtp_hostname' },
    port: {
      label: 'Port',
      secret: false,
      settingsKey: 'smtp_port',
      pattern: /^\d{1,5}$/,
      example: '587',
    },
    username: { label: 'User name', secret: false, settingsKey: 'smtp_username' },
    password: { label: 'Password', secret: true, settingsKey: 'smtp_password' },
    fromEmail: { label: 'Sender', secret: false, settingsKey: 'smtp_from_email' },
  },
  complete: [['hostname', 'username', 'password']],
});

/**
 * OpenAI.
 *
 * @public
 */
export const openaiProvider = defineProvider({
  name: 'openai',
  fields: { apiKey: apiKey('OPENAI_API_KEY', 'openai_api_key') },
  complete: [['apiKey']],
});

/**
 * Anthropic.
 *
 * @public
 */
export const anthropicProvider = defineProvider({
  name: 'anthropic',
  fields: { apiKey: apiKey('ANTHROPIC_API_KEY', 'anthropic_api_key') },
  complete: [['apiKey']],
});

/**
 * Google Gemini.
 *
 * @public
 */
export const geminiProvider = defineProvider({
  name: 'gemini',
  fields: { apiKey: apiKey('GEMINI_API_KEY', 'gemini_api_key') },
  complete: [['apiKey']],
});

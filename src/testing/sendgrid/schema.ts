/**
 * What a part of a mail may look like. Fields that no rule names are let through, as SendGrid does.
 *
 * @internal
 */
export type Rule =
  | {
      readonly type: 'string';
      readonly min?: number;
      readonly max?: number;
      readonly oneOf?: string[];
    }
  | { readonly type: 'email' }
  | { readonly type: 'integer' }
  | { readonly type: 'boolean' }
  | { readonly type: 'array'; readonly items: Rule; readonly min?: number; readonly max?: number }
  | {
      readonly type: 'object';
      readonly fields?: Readonly<Record<string, Rule>>;
      readonly required?: readonly string[];
      /** For objects with free names: what each value is. */
      readonly values?: Rule;
    };

const text: Rule = { type: 'string' };
const filled: Rule = { type: 'string', min: 1 };
const integer: Rule = { type: 'integer' };
const boolean: Rule = { type: 'boolean' };
const anyObject: Rule = { type: 'object' };
const strings: Rule = { type: 'object', values: text };

const address: Rule = {
  type: 'object',
  fields: { email: { type: 'email' }, name: text },
  required: ['email'],
};

function list(items: Rule, max?: number, min?: number): Rule {
  return {
    type: 'array',
    items,
    ...(max === undefined ? {} : { max }),
    ...(min === undefined ? {} : { min }),
  };
}

function settings(fields: Readonly<Record<string, Rule>> = {}): Rule {
  return { type: 'object', fields: { enable: boolean, ...fields } };
}

const personalization: Rule = {
  type: 'object',
  required: ['to'],
  fields: {
    from: address,
    to: list(address, 1000, 1),
    cc: list(address, 1000),
    bcc: list(address, 1000),
    subject: filled,
    headers: strings,
    substitutions: strings,
    dynamic_template_data: anyObject,
    custom_args: anyObject,
    send_at: integer,
  },
};

/**
 * The body of `POST /v3/mail/send`. Whether its parts fit together is checked apart.
 *
 * @internal
 */
export const MAIL_SCHEMA: Rule = {
  type: 'object',
  required: ['personalizations', 'from'],
  fields: {
    personalizations: list(personalization, 1000, 1),
    from: address,
    reply_to: address,
    reply_to_list: list(address, 1000),
    subject: filled,
    content: list({
      type: 'object',
      required: ['type', 'value'],
      fields: { type: filled, value: filled },
    }),
    attachments: list({
      type: 'object',
      required: ['content', 'filename'],
      fields: {
        content: filled,
        type: filled,
        filename: text,
        disposition: { type: 'string', oneOf: ['inline', 'attachment'] },
        content_id: text,
      },
    }),
    template_id: text,
    sections: strings,
    headers: strings,
    categories: list({ type: 'string', max: 255 }, 10),
    send_at: integer,
    batch_id: text,
    asm: {
      type: 'object',
      required: ['group_id'],
      fields: { group_id: integer, groups_to_display: list(integer, 25) },
    },
    ip_pool_name: { type: 'string', min: 2, max: 64 },
    mail_settings: {
      type: 'object',
      fields: {
        bypass_list_management: settings(),
        bypass_spam_management: settings(),
        bypass_bounce_management: settings(),
        bypass_unsubscribe_management: settings(),
        footer: settings({ text, html: text }),
        sandbox_mode: settings(),
      },
    },
    tracking_settings: {
      type: 'object',
      fields: {
        click_tracking: settings({ enable_text: boolean }),
        open_tracking: settings({ substitution_tag: text }),
        subscription_tracking: settings({ text, html: text, substitution_tag: text }),
        ganalytics: settings({
          utm_source: text,
          utm_medium: text,
          utm_term: text,
          utm_content: text,
          utm_campaign: text,
        }),
      },
    },
  },
};

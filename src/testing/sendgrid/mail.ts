import { fieldError, type SendGridError } from './errors.ts';
import { MAIL_SCHEMA } from './schema.ts';
import { isObject, violations } from './walk.ts';

const MAX_RECIPIENTS = 1000;
const MAX_ARGUMENT_BYTES = 10_000;
const MAX_DELAY_SECONDS = 72 * 60 * 60;

/** Headers that a mail may not set itself. */
const RESERVED_HEADERS = new Set(
  'x-sg-id x-sg-eid received dkim-signature content-type content-transfer-encoding to from subject reply-to cc bcc'.split(
    ' ',
  ),
);

/**
 * Why SendGrid would not take `body` as a mail; empty when it would.
 *
 * @internal
 */
export function mailErrors(body: unknown): SendGridError[] {
  const errors = violations(MAIL_SCHEMA, body);
  // Whether the parts fit together can be told only of parts that are well formed.
  return errors.length > 0 || !isObject(body) ? errors : consistencyErrors(body as unknown as Mail);
}

/**
 * The addresses a mail goes to: to, cc and bcc of every personalization.
 *
 * @internal
 */
export function recipientsOf(mail: Mail): string[] {
  return mail.personalizations.flatMap((one) =>
    KINDS.flatMap((kind) => (one[kind] ?? []).map(({ email }) => email)),
  );
}

/**
 * A mail that follows {@link MAIL_SCHEMA}.
 *
 * @internal
 */
export interface Mail {
  readonly personalizations: readonly Personalization[];
  readonly from: Address;
  readonly reply_to?: Address;
  readonly reply_to_list?: readonly Address[];
  readonly subject?: string;
  readonly content?: readonly { readonly type: string; readonly value: string }[];
  readonly attachments?: readonly { readonly content: string }[];
  readonly template_id?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly categories?: readonly string[];
  readonly custom_args?: unknown;
  readonly send_at?: number;
  readonly mail_settings?: { readonly sandbox_mode?: { readonly enable?: boolean } };
}

interface Address {
  readonly email: string;
}

interface Personalization {
  readonly from?: Address;
  readonly to: readonly Address[];
  readonly cc?: readonly Address[];
  readonly bcc?: readonly Address[];
  readonly subject?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly substitutions?: object;
  readonly custom_args?: object;
  readonly send_at?: number;
}

const KINDS = ['to', 'cc', 'bcc'] as const;

function consistencyErrors(mail: Mail): SendGridError[] {
  return [
    ...contentErrors(mail),
    ...mail.personalizations.flatMap((one, index) => personalizationErrors(one, index, mail)),
    ...headerErrors(mail.headers, 'headers'),
    ...sizeErrors(mail.custom_args, 'custom_args'),
    ...timeErrors(mail.send_at, 'send_at'),
    ...[
      recipientsOf(mail).length > MAX_RECIPIENTS &&
        fieldError('personalizations', 'There is a limit of 1000 total recipients per request.'),
      mail.reply_to !== undefined &&
        mail.reply_to_list !== undefined &&
        fieldError('reply_to', 'Only one of reply_to and reply_to_list may be given.'),
      mail.custom_args !== undefined &&
        !isObject(mail.custom_args) &&
        typeof mail.custom_args !== 'string' &&
        fieldError('custom_args', 'The custom_args parameter must be an object.'),
      new Set(mail.categories).size !== (mail.categories?.length ?? 0) &&
        fieldError('categories', 'The categories must be unique.'),
    ].filter((error) => error !== false),
  ];
}

function contentErrors(mail: Mail): SendGridError[] {
  const errors: SendGridError[] = [];
  const hasTemplate = Boolean(mail.template_id);
  if (!hasTemplate && !mail.subject && mail.personalizations.some((one) => !one.subject)) {
    errors.push(
      fieldError(
        'subject',
        'The subject is required. You can get around this requirement if you use a template with a subject defined or if every personalization has a subject defined.',
      ),
    );
  }
  if (!hasTemplate && (mail.content ?? []).length === 0) {
    errors.push(
      fieldError(
        'content',
        'Unless a valid template_id is provided, the content parameter is required. There must be at least one defined content block.',
      ),
    );
  }
  const types = (mail.content ?? []).map(({ type }) => type);
  const plain = types.indexOf('text/plain');
  const html = types.indexOf('text/html');
  if (plain > 0 || html > 1 || (html === 1 && plain !== 0)) {
    errors.push(
      fieldError(
        'content',
        'If present, text/plain must be first, followed by text/html, followed by any other content.',
      ),
    );
  }
  (mail.attachments ?? []).forEach(({ content }, index) => {
    if (content.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(content)) {
      const field = `attachments.${index}.content`;
      errors.push(fieldError(field, 'The attachment content must be base64 encoded.'));
    }
  });
  return errors;
}

function personalizationErrors(one: Personalization, index: number, mail: Mail): SendGridError[] {
  const path = `personalizations.${index}`;
  const errors = [
    ...headerErrors(one.headers, `${path}.headers`),
    ...sizeErrors(one.custom_args, `${path}.custom_args`),
    ...sizeErrors(one.substitutions, `${path}.substitutions`),
    ...timeErrors(one.send_at, `${path}.send_at`),
  ];
  if (one.substitutions !== undefined && mail.template_id?.startsWith('d-')) {
    const message = 'Substitutions may not be used with dynamic templating';
    errors.push(fieldError(`${path}.substitutions`, message));
  }
  const seen = new Set<string>();
  for (const kind of KINDS) {
    for (const { email } of one[kind] ?? []) {
      const key = email.toLowerCase();
      if (seen.has(key)) {
        const message = `Each email address in the personalization block should be unique between to, cc, and bcc. We found the first duplicate instance of [${email}] in the ${path}.${kind} field.`;
        return [...errors, fieldError(path, message)];
      }
      seen.add(key);
    }
  }
  return errors;
}

function headerErrors(headers: Mail['headers'], path: string): SendGridError[] {
  return Object.keys(headers ?? {})
    .filter((name) => RESERVED_HEADERS.has(name.toLowerCase()))
    .map((name) => fieldError(path, `The header ${name} is reserved and may not be set.`));
}

function sizeErrors(value: unknown, path: string): SendGridError[] {
  if (value === undefined || Buffer.byteLength(JSON.stringify(value)) <= MAX_ARGUMENT_BYTES) {
    return [];
  }
  return [fieldError(path, `The ${path} parameter may not exceed 10000 bytes.`)];
}

function timeErrors(sendAt: number | undefined, path: string): SendGridError[] {
  if (sendAt === undefined || sendAt <= Date.now() / 1000 + MAX_DELAY_SECONDS) return [];
  return [fieldError(path, 'A send cannot be scheduled more than 72 hours in advance.')];
}

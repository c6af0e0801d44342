import { isVaultError } from '../errors.ts';

/**
 * Every sentence that the handler answers with, in English. Words in braces are replaced.
 *
 * @public
 */
export const settingsMessages = {
  // Errors
  login: 'Log in again to see the settings.',
  forbidden: 'You may not do this. Ask an administrator of your account.',
  notFound: 'This page of the settings does not exist.',
  methodNotAllowed: 'This cannot be done here.',
  badRequest: 'The request was not understood. Load the page again.',
  badCondition: 'The request names no single version. Load the page again.',
  noCondition: 'Say which version you change. Load the page again.',
  tooLarge: 'This is too long.',
  notJson: 'Only JSON is understood here.',
  accountChanged: 'You are logged in to another account now. Load the page again.',
  conflict: '{label} was changed by somebody else.',
  conflictBy: '{label} was changed by {actor}.',
  invalid: 'Some fields need another look.',
  tooManySaves: 'Too many changes at once. Wait a minute.',
  tooManyTests: 'Too many tests at once. Wait a minute.',
  unreadable:
    'The stored credentials of {label} cannot be opened. Remove them and enter them again, or ask your support.',
  unavailable: 'The settings cannot be reached at the moment. Try again in a minute.',
  internal: 'Something went wrong on our side. Try again, or ask your support.',
  // Fields
  fieldUnknown: 'This is not a field of {label}.',
  fieldMask: 'This holds a part of a mask. Enter the whole value.',
  fieldForm: 'This does not have the expected form.',
  fieldFormLike: 'This does not have the expected form: {example}.',
  fieldAgain: 'Enter this again, because {destination} changes.',
  // Tests
  testOk: '{label} accepts these credentials.',
  notTestable: 'There is no test for {label}.',
  wrong_credentials: '{label} refuses these credentials. Check that each is complete and current.',
  not_allowed: '{label} knows these credentials, but they lack a permission.',
  suspended: 'The account at {label} is suspended.',
  unverified_sender:
    '{label} does not know the sender. Verify the address or its domain at {label}.',
  rate_limited: '{label} has had too many requests. Try again in a minute.',
  unreachable: '{label} cannot be reached.',
  timeout: '{label} does not answer.',
  provider_error: '{label} has a problem at the moment. Try again later.',
  invalid_grant: '{label} has ended its permission. Connect it again.',
  refresh_failed: 'The access to {label} could not be renewed.',
  ERR_NOT_CONFIGURED: 'Enter the missing fields first.',
  ERR_ENV_INCOMPLETE:
    'Your operator has set only a part of other credentials for {label}. Ask your support.',
  testFailed: 'The credentials could not be tested.',
  // For the pages of your application
  connect: 'Connect {label} in Settings.',
  connectTo: 'Connect {label} in Settings to {purpose}.',
  reconnect: 'Check {label} in Settings: it refuses the stored credentials.',
  sms: 'send texts',
  calls: 'make calls',
  whatsapp: 'send WhatsApp messages',
  email: 'send e-mail',
  events: 'see what happens to e-mail',
  ai: 'write with AI',
  // Activity
  'activity.first': '{label}: set up by {actor}',
  'activity.get': '{label}: used {times} {day}',
  'activity.put': '{label}: replaced by {actor}',
  'activity.patch': '{label}: {fields} changed by {actor}',
  'activity.delete': '{label}: removed by {actor}',
  'activity.erase': '{label}: removed for good by {actor}',
  'activity.rollback': '{label}: set back to an earlier version by {actor}',
  'activity.purge': '{label}: earlier versions removed by {actor}',
  'activity.override': "{label}: the operator's own credentials used {times} {day}",
  'activity.migrate': '{label}: moved here from the old settings',
  'activity.rotate': '{label}: sealed with a new key',
  'activity.rotate-credential': '{label}: replaced by a new one',
  'activity.refresh': '{label}: access renewed {times} {day}',
  'activity.works': '{label}: works',
  'activity.fails': '{label}: does not work any more',
  'activity.test': '{label}: tested {times} {day}',
  'activity.webhook': '{label}: {times} a webhook was refused {day}',
  'activity.other': '{label}: {action} {times} {day}',
  'activity.failed': '{message}, without success',
  once: 'once',
  times: '{count} times',
  today: 'today',
  yesterday: 'yesterday',
  onDay: 'on {date}',
  somebody: 'the application',
  nothing: 'nothing',
};

/**
 * The sentences of the handler. A translation may leave some out: those stay English.
 *
 * @public
 */
export type SettingsMessages = typeof settingsMessages;

/** A sentence of the catalogue, with its words in braces replaced. @internal */
export type Translate = (
  key: keyof SettingsMessages,
  words?: Readonly<Record<string, string | number>>,
) => string;

/** @internal */
export function translator(messages: Partial<SettingsMessages> = {}): Translate {
  return (key, words = {}) => {
    const translated: unknown = Object.hasOwn(messages, key) ? messages[key] : undefined;
    const text = typeof translated === 'string' ? translated : settingsMessages[key];
    return text.replace(/\{(\w+)\}/g, (braces, word: string) =>
      Object.hasOwn(words, word) ? String(words[word]) : braces,
    );
  };
}

/** Whether the catalogue has a sentence of that name. @internal */
export function isMessage(key: string): key is keyof SettingsMessages {
  return Object.hasOwn(settingsMessages, key);
}

/** Codes of a test or of the health of credentials whose sentence has the same name. */
const PROBLEMS: readonly string[] = [
  ...['wrong_credentials', 'not_allowed', 'suspended', 'unverified_sender', 'rate_limited'],
  ...['unreachable', 'timeout', 'provider_error', 'invalid_grant', 'refresh_failed'],
  ...['ERR_NOT_CONFIGURED', 'ERR_ENV_INCOMPLETE'],
];

/** The sentence about what a test, or the use, of credentials found. @internal */
export function problemMessage(code: string): keyof SettingsMessages {
  if (PROBLEMS.includes(code)) return code as keyof SettingsMessages;
  if (isUnreadable(code)) return 'unreadable';
  return isUnavailable(code) ? 'unavailable' : 'testFailed';
}

const UNREADABLE =
  /^ERR_(MALFORMED|DECRYPTION_FAILED|BINDING|UNBOUND|KEY_UNKNOWN|KEY_MISSING|KEY_ERASED)$/;

/** Whether the record is there and no key opens it: only its removal helps, or an operator. @internal */
export function isUnreadable(code: string): boolean {
  return UNREADABLE.test(code);
}

/** Whether it may work in a minute. @internal */
export function isUnavailable(code: string): boolean {
  return /^ERR_(STORE_|KEY_|ABORTED)/.test(code);
}

/**
 * What to say to a user when your own code could not use a provider: "Connect Twilio in Settings to
 * send texts."
 *
 * @param error - what a client factory or an SDK call threw
 * @param provider - a definition, for its label
 * @param purpose - a capability of the provider (`sms`), or your own words (`send a reminder`)
 * @returns `undefined` for an error that the settings cannot mend
 * @public
 */
export function connectMessage(
  error: unknown,
  provider: { readonly label: string },
  purpose?: string,
  messages?: Partial<SettingsMessages>,
): string | undefined {
  const say = translator(messages);
  const { label } = provider;
  if (isVaultError(error, 'ERR_PROVIDER')) {
    return error.status === 401 ? say('reconnect', { label }) : undefined;
  }
  if (!isVaultError(error, 'ERR_NOT_CONFIGURED') && !isVaultError(error, 'ERR_SECRET_NOT_FOUND')) {
    return undefined;
  }
  if (purpose === undefined) return say('connect', { label });
  return say('connectTo', { label, purpose: isMessage(purpose) ? say(purpose) : purpose });
}

import type { FakeTwilioAccount } from './accounts.ts';
import { CALL_FIELDS, checkFields, MESSAGE_FIELDS } from './fields.ts';
import { TwilioRefusal } from './refusal.ts';

const MAX_BODY_CHARACTERS = 1600;
const MAX_MEDIA = 10;

const E164 = /^\+[1-9]\d{6,14}$/;
const SHORT_CODE = /^\d{3,8}$/;
const ALPHANUMERIC_SENDER = /^(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}$/;
/** A channel and an address in it, as `whatsapp:+15552229999`; also `sim:` and `rcs:`. */
const CHANNEL = /^([a-z]+):(.+)$/;

/** The numbers that Twilio's test credentials refuse, and why; here every account refuses them. */
const REFUSED_MESSAGE_TO: Readonly<Record<string, number>> = {
  '+15005550001': 21211,
  '+15005550002': 21612,
  '+15005550003': 21408,
  '+15005550004': 21610,
  '+15005550009': 21614,
};
const REFUSED_MESSAGE_FROM: Readonly<Record<string, number>> = {
  '+15005550001': 21212,
  '+15005550007': 21606,
  '+15005550008': 21611,
};
const REFUSED_CALL_TO: Readonly<Record<string, number>> = {
  '+15005550001': 21217,
  '+15005550002': 21214,
  '+15005550003': 21215,
  '+15005550004': 21216,
};
const REFUSED_CALL_FROM: Readonly<Record<string, number>> = { '+15005550001': 21212 };

/**
 * Whether Twilio would take this form as a message of `account`.
 *
 * @throws TwilioRefusal
 * @internal
 */
export function checkMessage(form: URLSearchParams, account: FakeTwilioAccount): void {
  const to = form.get('To') ?? '';
  const from = form.get('From') ?? '';
  const service = form.get('MessagingServiceSid') ?? '';
  if (to === '') throw refuse(21604, "A 'To' phone number is required.");
  if (!isAddress(to)) throw refuse(21211, `Invalid 'To' Phone Number: ${to}`);
  if (from === '' && service === '') {
    throw refuse(21603, "A 'From' or 'MessagingServiceSid' parameter is required.");
  }
  checkFields(form, MESSAGE_FIELDS);
  if (from !== '') checkSender(from, to, account);
  checkContent(form);
  checkSchedule(form, service);
  refuseIfListed(REFUSED_MESSAGE_TO, to);
  refuseIfListed(REFUSED_MESSAGE_FROM, from);
}

/**
 * Whether Twilio would take this form as a call of `account`.
 *
 * @throws TwilioRefusal
 * @internal
 */
export function checkCall(form: URLSearchParams, account: FakeTwilioAccount): void {
  const to = form.get('To') ?? '';
  const from = form.get('From') ?? '';
  if (to === '') throw refuse(21201, "No 'To' number is specified");
  if (from === '') throw refuse(21213, "No 'From' number is specified");
  if (!isEndpoint(to))
    throw refuse(21211, `The phone number you are attempting to call, ${to}, is not valid.`);
  if (!isEndpoint(from)) throw refuse(21212, `From is not a valid phone number: ${from}`);
  checkFields(form, CALL_FIELDS);
  if (!['Url', 'Twiml', 'ApplicationSid'].some((name) => form.get(name))) {
    throw refuse(21205, 'Url parameter is required.');
  }
  if (E164.test(from) && !owns(account, from)) {
    throw refuse(
      21210,
      `The source phone number provided, ${from}, is not yet verified for your account.`,
    );
  }
  refuseIfListed(REFUSED_CALL_TO, to);
  refuseIfListed(REFUSED_CALL_FROM, from);
}

function checkSender(from: string, to: string, account: FakeTwilioAccount): void {
  const channel = channelOf(from);
  const isSender = isAddress(from) || SHORT_CODE.test(from) || ALPHANUMERIC_SENDER.test(from);
  if (!isSender) {
    throw refuse(
      21212,
      `The 'From' number ${from} is not a valid phone number, shortcode, or alphanumeric sender ID.`,
    );
  }
  if (channel !== 'sim' && channel !== channelOf(to)) {
    throw refuse(
      21910,
      "Invalid 'From' and 'To' pair. 'From' and 'To' should be of the same channel",
    );
  }
  if (from === to) throw refuse(21266, "'To' and 'From' numbers cannot be the same");
  if (E164.test(from) && !owns(account, from)) {
    throw refuse(
      21660,
      `Mismatch between the 'From' number ${from} and the account ${account.accountSid}`,
    );
  }
}

function checkContent(form: URLSearchParams): void {
  const body = form.get('Body') ?? '';
  const media = form.getAll('MediaUrl').filter((url) => url !== '');
  if (body === '' && media.length === 0 && !form.get('ContentSid')) {
    throw refuse(21602, 'Message body is required.');
  }
  if (body.length > MAX_BODY_CHARACTERS) {
    throw refuse(21617, 'The concatenated message body exceeds the 1600 character limit');
  }
  if (media.length > MAX_MEDIA) throw refuse(21623, 'Number of media files exceeds allowed limit');
  const variables = form.get('ContentVariables');
  if (variables && !isJson(variables)) {
    throw refuse(21656, 'The ContentVariables Parameter is invalid');
  }
}

function checkSchedule(form: URLSearchParams, service: string): void {
  if (!form.get('ScheduleType')) return;
  if (!form.get('SendAt')) throw refuse(35111, 'SendAt timestamp is missing');
  if (service === '') throw refuse(35118, 'MessagingServiceSid is required to schedule a message');
}

function channelOf(address: string): string {
  return CHANNEL.exec(address)?.[1] ?? 'sms';
}

function isAddress(address: string): boolean {
  const [, channel, rest = ''] = CHANNEL.exec(address) ?? [];
  if (channel === undefined) return E164.test(address);
  return channel === 'whatsapp' ? E164.test(rest) : true;
}

function isEndpoint(endpoint: string): boolean {
  return E164.test(endpoint) || /^(?:sip|sips|client):.+/.test(endpoint);
}

function owns(account: FakeTwilioAccount, number: string): boolean {
  return account.phoneNumbers === undefined || account.phoneNumbers.includes(number);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function refuseIfListed(listed: Readonly<Record<string, number>>, number: string): void {
  const code = listed[number];
  if (code !== undefined) throw refuse(code, `The number ${number} is refused.`);
}

function refuse(code: number, message: string): TwilioRefusal {
  return new TwilioRefusal(400, code, message);
}

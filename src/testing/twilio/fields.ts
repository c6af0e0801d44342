import { TwilioRefusal } from './refusal.ts';

type FieldRule = readonly [form: RegExp, code?: number];

const BOOLEAN: FieldRule = [/^(?:true|false)$/];
const INTEGER: FieldRule = [/^-?\d+$/];
const METHOD: FieldRule = [/^(?:GET|POST)$/, 21209];

/** Twilio's code for a parameter of the wrong form that has none of its own. */
const INVALID_PARAMETER = 20422;

/**
 * The form of the typed fields of `POST Messages.json`; the others are free text.
 *
 * @internal
 */
export const MESSAGE_FIELDS: Readonly<Record<string, FieldRule>> = {
  ApplicationSid: [/^AP[0-9a-fA-F]{32}$/],
  MaxPrice: [/^\d+(?:\.\d+)?$/, 21627],
  ProvideFeedback: BOOLEAN,
  Attempt: INTEGER,
  ValidityPeriod: [/^\d+$/, 21624],
  ForceDelivery: BOOLEAN,
  ContentRetention: [/^(?:retain|discard)$/, 30029],
  AddressRetention: [/^(?:retain|obfuscate)$/],
  SmartEncoded: BOOLEAN,
  TrafficType: [/^free$/],
  ShortenUrls: BOOLEAN,
  ScheduleType: [/^fixed$/],
  SendAt: [/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})$/, 35114],
  SendAsMms: BOOLEAN,
  RiskCheck: [/^(?:enable|disable)$/],
  MessagingServiceSid: [/^MG[0-9a-fA-F]{32}$/, 21705],
  ContentSid: [/^HX[0-9a-fA-F]{32}$/, 21655],
};

/**
 * The form of the typed fields of `POST Calls.json`; the others are free text.
 *
 * @internal
 */
export const CALL_FIELDS: Readonly<Record<string, FieldRule>> = {
  Method: METHOD,
  FallbackMethod: METHOD,
  StatusCallbackMethod: METHOD,
  SendDigits: [/^[0-9A-D#*wW]*$/, 21206],
  Timeout: [/^\d+$/, 21208],
  Record: BOOLEAN,
  RecordingStatusCallbackMethod: METHOD,
  MachineDetectionTimeout: INTEGER,
  MachineDetectionSpeechThreshold: INTEGER,
  MachineDetectionSpeechEndThreshold: INTEGER,
  MachineDetectionSilenceTimeout: INTEGER,
  AsyncAmdStatusCallbackMethod: METHOD,
  Byoc: [/^BY[0-9a-fA-F]{32}$/],
  TimeLimit: INTEGER,
  ApplicationSid: [/^AP[0-9a-fA-F]{32}$/, 21218],
};

/** Fields that hold a URL, with the code for one that is none. */
const URL_FIELDS: Readonly<Record<string, number>> = {
  StatusCallback: 21609,
  Url: 21205,
  FallbackUrl: 21205,
  AsyncAmdStatusCallback: 21609,
  RecordingStatusCallback: 21609,
  MediaUrl: 21620,
};

/**
 * Refuses a form one of whose fields is of the wrong type.
 *
 * @throws TwilioRefusal
 * @internal
 */
export function checkFields(
  form: URLSearchParams,
  rules: Readonly<Record<string, FieldRule>>,
): void {
  for (const [name, value] of form) {
    // Twilio takes an empty parameter for one that is not there.
    if (value === '') continue;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule !== undefined && !rule[0].test(value)) {
      throw new TwilioRefusal(400, rule[1] ?? INVALID_PARAMETER, `Invalid Parameter: ${name}`);
    }
    const code = Object.hasOwn(URL_FIELDS, name) ? URL_FIELDS[name] : undefined;
    if (code !== undefined && !/^https?:\/\/[^\s/]+/i.test(value)) {
      throw new TwilioRefusal(400, code, `The ${name} is not a valid URL.`);
    }
  }
}

import twilio from 'twilio';

// The SDK has it, and does not type it.
const { getExpectedTwilioSignature } = twilio as unknown as {
  getExpectedTwilioSignature(authToken: string, url: string, params: object): string;
};

/** The signature of a webhook, made by Twilio's SDK. */
export const twilioSignature = getExpectedTwilioSignature;

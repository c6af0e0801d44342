import type { Twilio } from 'twilio';

// The package `twilio` is optional. Where it is not installed, the build suppresses the error of the
// import in the published declarations (test/package/optional-types.ts), and anything, also 0, can be
// assigned to its types: the conditions below find out.

/**
 * The official client: the class `Twilio` of the package `twilio`. Where that package is not installed,
 * it has no methods.
 *
 * @public
 */
export type TwilioClient = { type: 0 } extends { type: Twilio } ? TwilioNotInstalled : Twilio;

/**
 * Options of the official client's constructor.
 *
 * @public
 */
export type TwilioSdkOptions = { type: 0 } extends { type: Twilio }
  ? object
  : ConstructorParameters<typeof Twilio>[2];

/**
 * Stands for the official client where the package `twilio` is not installed. Run
 * `npm install twilio` for its types.
 *
 * @public
 */
export interface TwilioNotInstalled {
  readonly accountSid: string;
}

// Stripe's SDK is not installed here; this is as much of it as the pages use.
declare module 'stripe' {
  export default class Stripe {
    constructor(secretKey: string);
  }
}

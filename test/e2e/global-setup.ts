import { findChromium } from '../support/chromium.ts';

/** One line that names the browser, and one installation at most for all files. */
export default async function setup(): Promise<void> {
  console.log(`Browser: ${await findChromium()}`);
}

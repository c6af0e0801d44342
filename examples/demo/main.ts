// npm run demo -- --help
import { Command, InvalidArgumentError, Option } from 'commander';

const options = new Command('npm run demo --')
  .description(
    'The example CRM on an embedded database, with stand-ins of Twilio and SendGrid.\nIt tells a story, prints its address and logins, and runs until Ctrl-C.',
  )
  .option('--headless', 'tell the story, and end')
  .addOption(
    new Option(
      '--real',
      'no story and no stand-ins: send to the real Twilio and SendGrid',
    ).conflicts('headless'),
  )
  .option('--port <number>', 'the port of the CRM (default: a free one)', toPort)
  .addHelpText(
    'after',
    '\nTEST_MONGODB_URI names a MongoDB server in the place of the embedded one.',
  )
  .parse()
  .opts<{ headless?: true; real?: true; port?: number }>();

try {
  const { runDemo } = await import('./run-demo.ts'); // here, so that --help is fast
  await runDemo(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function toPort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new InvalidArgumentError('It must be a number from 0 to 65535.');
}

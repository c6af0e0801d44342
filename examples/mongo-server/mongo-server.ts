import { MongoMemoryReplSet, MongoMemoryServer } from 'mongodb-memory-server';
import { type MongodExecutable, mongod } from './mongod.ts';
import { secantus } from './secantus.ts';

export interface MongoServerOptions {
  /** More of mongod's options, such as `['--setParameter', 'ttlMonitorSleepSecs=1']`. */
  readonly args?: readonly string[];
  /** A replica set of one member: change streams and transactions need it. */
  readonly replSet?: boolean;
  /** Refuses clients that do not log in; `uri` then names a user who may do everything. */
  readonly auth?: boolean;
  /** A fixed port, for a server that goes away and comes back; not for a replica set. */
  readonly port?: number;
  /** A folder that stays when the server stops; by default it goes with it. */
  readonly dbPath?: string;
}

export interface MongoServer {
  readonly uri: string;
  /** Which server this is, in one line for people. */
  readonly describe: string;
  /** Process to signal in crash tests; `undefined` for the server of TEST_MONGODB_URI. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}

const administrator = { name: 'root', password: 'of-the-tests' };

/**
 * Starts a MongoDB server for demos and tests: the one of TEST_MONGODB_URI when nothing special is asked
 * for, else a mongod that is found or downloaded, else SecantusDB. It throws when none of them
 * can be had.
 */
export async function startMongo(options: MongoServerOptions = {}): Promise<MongoServer> {
  const named = process.env.TEST_MONGODB_URI;
  if (named && Object.keys(options).length === 0) {
    return {
      uri: named,
      describe: 'server of TEST_MONGODB_URI',
      pid: undefined,
      stop: async () => {},
    };
  }
  const executable = (await mongod()) ?? (await secantus().catch(noServer));
  return options.replSet ? startReplSet(executable, options) : startSingle(executable, options);
}

function noServer(cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : String(cause);
  throw new Error(
    'No MongoDB server. No mongod was found or could be downloaded, and ' +
      `${reason}. Put mongod on the PATH or name a server in TEST_MONGODB_URI.`,
    { cause },
  );
}

async function startSingle(
  executable: MongodExecutable,
  options: MongoServerOptions,
): Promise<MongoServer> {
  const server = await MongoMemoryServer.create({
    ...launch(executable),
    instance: instance(options),
    auth: authentication(options),
  });
  return {
    uri: uriFor(server.getUri(), options),
    describe: executable.describe,
    pid: server.instanceInfo?.instance.mongodProcess?.pid,
    stop: async () => {
      await server.stop();
    },
  };
}

async function startReplSet(
  executable: MongodExecutable,
  options: MongoServerOptions,
): Promise<MongoServer> {
  // mongodb-memory-server would quietly take another one the second time.
  if (options.port !== undefined) throw new Error('A replica set cannot have a fixed port');
  const { binary, spawn } = launch(executable);
  const { args, storageEngine, ...member } = instance(options);
  const auth = authentication(options);
  const servers = await MongoMemoryReplSet.create({
    binary,
    replSet: { count: 1, args, storageEngine, auth, spawn },
    instanceOpts: [member],
  });
  return {
    uri: uriFor(servers.getUri(), options),
    describe: executable.describe,
    pid: servers.servers[0]?.instanceInfo?.instance.mongodProcess?.pid,
    stop: async () => {
      await servers.stop();
    },
  };
}

function launch({ path, version, env }: MongodExecutable) {
  return {
    // mongodb-memory-server warns when the binary is not of the version that it was asked for.
    binary: { systemBinary: path, version },
    spawn: env ? { env } : {},
  };
}

function instance({ args, port, dbPath }: MongoServerOptions) {
  return {
    args: [...(args ?? [])],
    storageEngine: 'wiredTiger' as const,
    launchTimeout: 60_000, // a busy machine takes its time
    ...(port === undefined ? {} : { port, portGeneration: false }),
    ...(dbPath === undefined ? {} : { dbPath }),
  };
}

function authentication({ auth = false }: MongoServerOptions) {
  const { name, password } = administrator;
  return { enable: auth, customRootName: name, customRootPwd: password };
}

function uriFor(uri: string, { auth = false }: MongoServerOptions): string {
  if (!auth) return uri;
  const url = new URL(uri);
  url.username = administrator.name;
  url.password = administrator.password;
  url.searchParams.set('authSource', 'admin');
  return url.href;
}

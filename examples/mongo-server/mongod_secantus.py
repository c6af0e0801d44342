#!/usr/bin/env python3
"""SecantusDB behind mongod's command line, so that mongodb-memory-server can start it.

It takes the part of mongod's options and log lines that mongodb-memory-server relies on,
and adds the commands that it sends and SecantusDB lacks. PYTHONPATH must lead to SecantusDB.
SecantusDB is GPL-2.0: it runs in a process of its own under the tests and is never published.
"""
import argparse
import os
import signal
import socket
import sys
import threading

# The same as in mongod.ts: mongodb-memory-server warns when it was asked for another one.
MONGOD_VERSION = "8.2.6"


def parse_options():
    # Like mongod, an option that is not known is refused rather than ignored.
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--version", action="store_true")
    parser.add_argument("--port", type=int, default=27017)
    parser.add_argument("--bind_ip", default="127.0.0.1")
    parser.add_argument("--dbpath", default="/data/db")
    parser.add_argument("--replSet")
    parser.add_argument("--auth", action="store_true")
    parser.add_argument("--noauth", action="store_true")
    parser.add_argument("--keyFile")
    parser.add_argument("--storageEngine")
    parser.add_argument("--journalCommitInterval", type=int)
    parser.add_argument("--setParameter", action="append", default=[])
    options = parser.parse_args()
    options.parameters = dict(pair.split("=", 1) for pair in options.setParameter)
    return options


def main():
    options = parse_options()
    if options.version:
        print(f"db version v{MONGOD_VERSION}")
        return 0

    from secantus import SecantusDBServer, commands

    serve_memory_server(commands, options.replSet)
    mend_now(commands)
    server = SecantusDBServer(
        host=options.bind_ip,
        port=options.port,
        storage_path=options.dbpath,
        replica_set_name=options.replSet,
        require_auth=options.auth,
        enable_test_commands=options.parameters.get("enableTestCommands") in ("1", "true"),
        ttl_sweep_seconds=float(options.parameters.get("ttlMonitorSleepSecs", 60)),
        sync_on_commit=options.journalCommitInterval is not None,
        cache_size="256M",
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop(server))
    try:
        server.start()
    except OSError as error:
        print(error, file=sys.stderr, flush=True)  # "Address already in use"
        return 48
    print("Waiting for connections", flush=True)
    server.wait()
    return 0


def stop(server):
    # On Linux accept() wakes on a shutdown of the listening socket, not on its close;
    # without this line server.stop() waits two seconds for it.
    try:
        server._socket.shutdown(socket.SHUT_RDWR)
    except (AttributeError, OSError):
        pass
    server.stop()
    os._exit(0)


def serve_memory_server(commands, replica_set):
    """Adds createUser before any login (mongod's localhost exception), shutdown, replSetInitiate."""
    handlers = commands._HANDLERS
    create_any_user = handlers["createUser"]

    def create_user(request, context):
        login = context.connection_auth
        logged_in = login is not None and login.is_authenticated
        if context.require_auth and not logged_in and context.storage.list_users(limit=1):
            return failure(13, "Unauthorized", "command createUser requires authentication")
        return create_any_user(request, context)

    def shutdown(request, context):
        # The answer has to leave first.
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        return {"ok": 1.0}

    def initiate(request, context):
        members = (request.get("replSetInitiate") or {}).get("members") or []
        if len(members) > 1:
            return failure(93, "InvalidReplicaSetConfig", "SecantusDB is one node: use count 1")
        print("transition to primary complete; database writes are now permitted", flush=True)
        return {"ok": 1.0}

    handlers["createUser"] = create_user
    handlers["shutdown"] = shutdown
    before_login = {"createUser"}
    if replica_set:
        handlers["replSetInitiate"] = initiate
        before_login.add("replSetInitiate")
    commands._PRE_AUTH_COMMANDS = commands._PRE_AUTH_COMMANDS | before_login


def failure(code, code_name, message):
    return {"ok": 0.0, "errmsg": message, "code": code, "codeName": code_name}


def mend_now(commands):
    """Makes $$NOW comparable with stored dates.

    SecantusDB 0.7.0b3 reads stored dates without a time zone and makes $$NOW with one;
    a comparison of the two never fails and always says that they are equal.
    """
    resolve = commands._resolve_let_vars

    def resolve_with_plain_now(variables):
        resolved = resolve(variables)
        now = resolved["NOW"]
        whole_ms = now.microsecond // 1000 * 1000
        resolved["NOW"] = now.replace(tzinfo=None, microsecond=whole_ms)
        return resolved

    commands._resolve_let_vars = resolve_with_plain_now


if __name__ == "__main__":
    sys.exit(main())

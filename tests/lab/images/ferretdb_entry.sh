#!/bin/sh
# Starts FerretDB on SQLite. It takes the password of its first user from a flag or its environment
# only, so the user is made by a first, short start that listens on a socket nobody else can reach;
# the process that serves has no password anywhere.
set -eu

serve() {
    exec /usr/bin/ferretdb --handler=sqlite --sqlite-url=file:/data/db/ --state-dir=/data/db \
        --debug-addr=- --telemetry=disable --test-enable-new-auth --log-level=warn "$@"
}

if [ ! -e /data/db/.user-made ]; then
    (
        FERRETDB_SETUP_PASSWORD=$(cat /run/secrets/mongodb-password)
        export FERRETDB_SETUP_PASSWORD
        serve --setup-database=admin --setup-username=drp --listen-addr= --listen-unix=/tmp/setup.sock
    ) &
    setup=$!
    trap 'kill $setup; exit 143' TERM INT
    until [ -S /tmp/setup.sock ]; do
        kill -0 $setup || exit 1
        sleep 0.1
    done
    kill $setup
    wait $setup || true
    trap - TERM INT
    rm -f /tmp/setup.sock
    touch /data/db/.user-made
fi
serve --listen-addr=0.0.0.0:27017

#!/bin/sh
# Prints all procedures in the order in which they have to be loaded: procs/apply.sh | psql "$DATABASE_URL"
set -eu
cd "$(dirname "$0")"

echo 'BEGIN;'
for file in *.sql triggers/*.sql reports/*.sql; do
  echo "-- $file"
  cat "$file"
done
echo 'COMMIT;'

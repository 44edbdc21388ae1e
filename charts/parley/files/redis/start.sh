# Redis with its password on standard input: neither in the arguments nor in the environment, where
# others could read it, nor on the disk.
set -eu
password=$(sed 's/[\\"]/\\&/g' "${PASSWORD_FILE:-/run/secrets/redis/password}")
exec redis-server - <<CONFIG
dir ${DATA:-/data}
include ${CONFIG:-/etc/redis/redis.conf}
requirepass "$password"
CONFIG

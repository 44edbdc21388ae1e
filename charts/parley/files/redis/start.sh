# Redis with its password on standard input: neither in the arguments nor in the environment, where
# others could read it, nor on the disk.
set -eu
password=$(sed 's/[\\"]/\\&/g' "${PASSWORD_FILE:-/run/secrets/redis/password}")
# One server at a time on the data: a pod that is deleted by force has a successor while it lives on for
# a second or two, and what it acknowledges then the successor would never see. The lock is the server's
# until it ends. The successor waits for less than its startup probe does.
data=${DATA:-/data}
exec 9> "$data/lock"
flock -w 50 9 || { echo "Another Redis has $data." >&2; exit 1; }
exec redis-server - <<CONFIG
dir $data
include ${CONFIG:-/etc/redis/redis.conf}
requirepass "$password"
CONFIG

# Whether the server carries out commands: not while it loads its data.
REDISCLI_AUTH=$(cat "${PASSWORD_FILE:-/run/secrets/redis/password}")
export REDISCLI_AUTH
answer=$(redis-cli -p "${PORT:-6379}" ping 2>&1)
[ "$answer" = PONG ] && exit 0
echo "$answer" >&2
exit 1

# Whether the server answers at all: PONG, or that it loads its data, or that a script keeps it busy.
REDISCLI_AUTH=$(cat "${PASSWORD_FILE:-/run/secrets/redis/password}")
export REDISCLI_AUTH
answer=$(redis-cli -p "${PORT:-6379}" ping 2>&1)
case $answer in
    *PONG* | *LOADING* | *BUSY*) exit 0 ;;
esac
echo "$answer" >&2
exit 1

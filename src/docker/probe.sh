# Run by `sh` in a container: LIMIT in seconds, then targets KIND/ADDRESS/PORT, all tried at once.
# Prints for each: the target, the exit status, and what the tool said. Exits with 90 where the image
# has no tool for it. An image has bash or busybox's nc, rarely both.
limit=$1
shift
if command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
    word() { timeout "$limit" bash -c 'exec 3<>"/dev/tcp/$0/$1" && cat <&3' "$1" "$2"; }
    open() { timeout "$limit" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2"; }
elif nc --help 2>&1 | grep -q BusyBox; then
    word() { nc -w "$limit" "$1" "$2" </dev/null; }
    # It runs `true` once it is connected: a server that says nothing would keep it waiting.
    open() { nc -w "$limit" "$1" "$2" -e true; }
else
    exit 90
fi
for target; do
    (
        rest=${target#*/}
        said=$("${target%%/*}" "${rest%/*}" "${rest##*/}" 2>&1)
        echo "$target $?" $said
    ) &
done
wait

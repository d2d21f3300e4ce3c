#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One real agent and a real journald: the agent's ledger is damaged, or gone, and what it has lost it takes from
# the journal.  Nothing is migrated: a refusal ends in a receipt, too.
. "$srcdir/tests/agents.sh"
[ "$(id -u)" = 0 ] || skip_all "needs root: as journald does"
journald=/usr/lib/systemd/systemd-journald
[ -x $journald ] || skip_all "needs $journald"
agents_begin "$0"
requires_command curl

ledger=$dir/ledger.db
agent_conf A 9443 "ledger { path = \"$ledger\" }"

# A place with a /run and a /var/log of its own, which outlives the agent; and with cgroups, or Debian 13's journald goes away.
unshare -m sh -c "mount -t tmpfs none /run && mount -t tmpfs none /var/log &&
	{ [ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup || true; } &&
	mkdir -p /run/clockferry /run/systemd/journal /run/log/journal && exec sleep infinity" &
place=$!
cleanup "kill $place; wait $place 2>/dev/null"
there()
{
	nsenter -t $place -m "$@"
}

begin()
{
	nsenter -t $place -m env JOURNAL_STREAM="$(stat -c %d:%i "$dir/A/log")" "$builddir/clockferryd" --config "$dir/A/conf" \
		</dev/null >>"$dir/A/log" 2>&1 &
	agent=$!
	wait_for 20 there curl -sf --unix-socket /run/clockferry/api.sock http://localhost/v1/version
}

die()
{
	kill -KILL $agent
	wait $agent 2>/dev/null
	rm -f "$ledger"-*
}

# get PATH EXPRESSION: of the answer, v.
get()
{
	there curl -s --unix-socket /run/clockferry/api.sock "http://localhost$1" |
		pick "$2"
}

list()
{
	get /v1/migrations '[(m["id"], m["phase"], m["reason"]) for m in v["list"]]'
}

same_list()
{
	[ "$(list)" = "$before" ]
}

in_journal()
{
	[ "$(there journalctl --no-pager -q -o cat MESSAGE_ID=a15c6aaf24494e3585449ba4f8983ac5 2>/dev/null | wc -l)" = "$1" ]
}

wait_for 20 there test -d /run/systemd/journal
nsenter -t $place -m $journald </dev/null >/dev/null 2>&1 &
cleanup "kill $!; wait $! 2>/dev/null"
ok "a journal" wait_for 20 there sh -c 'ls /run/log/journal/*/system.journal' || exit 1
: >"$dir/A/log"
ok "an agent" begin || exit 1
cleanup 'kill $agent; wait $agent'
for n in $(seq 10 31); do
	there curl -s -o /dev/null -X PUT -H 'Content-Type: application/json' -d "{\"domain\": \"guest$n\", \"destination\": \"hB\"}" \
		--unix-socket /run/clockferry/api.sock "http://localhost/v1/migrations/000000$n-0000-4000-8000-000000000000"
done
ok "what it refuses is in the journal" wait_for 30 in_journal 22
before=$(list)
is "and in its list" "$(get /v1/migrations 'len(v["list"])')" 22

die
python3 -c "import os, sys; n = os.path.getsize(sys.argv[1]); open(sys.argv[1], 'wb').write(b'\\xa5' * n)" "$ledger"
ok "it comes again with a ledger that is damaged" begin
ok "its list is what it was" wait_for 30 same_list || note "$(list)"
note "$(get /v1/health 'v["ledger_note"]')"
like "it says where that is from" "$(get /v1/health 'v["ledger_note"]')" '; 22 receipts were taken from the journal, 0 from peers$'
ok "the damaged file is kept" ls "$ledger".damaged-*
is "a receipt is there, too" "$(get /v1/migrations/00000020-0000-4000-8000-000000000000/receipt 'v["migration"]["domain"]')" guest20

die
rm -f "$ledger" "$ledger".begun
ok "it comes again without a ledger" begin
ok "its list is what it was" wait_for 30 same_list || note "$(list)"
is "of a loss nothing is known" "$(get /v1/health 'v.get("ledger_note", "")')" ""

die
ok "it comes again with all of it" begin
ok "and has lost nothing" wait_for 30 same_list || note "$(list)"
is "all the while it spoke to the journal alone" "$(cat "$dir/A/log")" ""
finish

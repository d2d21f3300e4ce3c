# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# For tests/gate.sh: everybody who may ask the gate, what each answers, and
# what a refusal must leave alone.

answers=$(mktemp -d)
cleanup 'rm -rf "$answers"'

# --- asking ---

# api METHOD PATH BODY: the answer on stdout, its status and type in $answers/status.
api()
{
	rig_in A curl -sS --unix-socket /run/clockferry/api.sock -X "$1" -H 'Content-Type: application/json' -d "$3" \
		-w '%{stderr}%{http_code} %{content_type}' "http://localhost$2" 2>"$answers/status"
}

# list DESTINATION FILE...: writes FILE.list, with "CODE SUBJECT SEVERITY LIMIT-OF" per finding of a check or a problem.
list()
{
	(cd "$answers" && python3 - "$@") <<-'P'
	import json, sys
	for name in sys.argv[2:]:
	    said = json.load(open(name))
	    if "list" in said:
	        said = next(c for c in said["list"] if c["destination"] == sys.argv[1])
	    with open(name + ".list", "w") as f:
	        f.writelines(sorted("%s %s %s %s\n" % (x["code"], x["subject"].replace(" ", ""), x["severity"], x["limit_of"] or "-")
	                            for x in said["findings"]))
	P
}

# member FILE EXPRESSION: Python over what the file says, as v.
member()
{
	pick "$2" <"$1"
}

# ask DOMAIN DESTINATION: lets those ask who change nothing; keeps their answers, of which the check's is the last.
ask()
{
	api POST /v1/checks "{\"domain\": \"$1\", \"destinations\": [\"$2\"]}" >"$answers/rest"
	rig_clockferry A check "$1" "$2" --json >"$answers/check"
	status=$?
}

# expect SENTENCE FINDING...: the check has each of them.
expect()
{
	local finding
	for finding; do
		ok "... because of $finding" grep -qxF -- "$finding" "$answers/check.list" || {
			note "$(cat "$answers/check.list")"
			note "$(grep '"detail"' "$answers/check")"
		}
	done
}

# ask_all DOMAIN DESTINATION: all of them, and once more where it was no longer the same world at the end: on a busy machine
# a host's chronyd may accept no update for seconds.
ask_all()
{
	local put="{\"domain\": \"$1\", \"destination\": \"$2\"}"
	for _ in 1 2 3; do
		traces >"$answers/before"
		rig_clockferry A check "$1" "$2" --json >"$answers/first"
		rig_clockferry A migrate "$1" "$2" --json >"$answers/migrate"
		migrated=$?
		api PUT "/v1/migrations/$(cat /proc/sys/kernel/random/uuid)" "$put" >"$answers/put"
		answered=$(cat "$answers/status")
		ask "$1" "$2"
		list "$2" first check rest migrate put
		! cmp -s "$answers/first.list" "$answers/check.list" || break
	done
}

# refused SENTENCE DOMAIN DESTINATION FINDING...: with these findings, as `list` has them of a check; everybody says the same, but
# that who only asks may be the domain's own manager.
refused()
{
	local sentence=$1 migrated answered
	ask_all "$2" "$3"
	shift 3
	is "$sentence: check says no" $status 3
	is "... migrate is refused" $migrated 3
	is "... with 409" "$answered" "409 application/problem+json"
	expect "$@"
	ok "... rest says the same" diff "$answers/check.list" "$answers/rest.list"
	sed '/^managed-elsewhere /s/ warn / refuse /' "$answers/check.list" >"$answers/move.list"
	for other in migrate put; do
		ok "... $other says the same" diff "$answers/move.list" "$answers/$other.list"
	done
	traces >"$answers/after"
	ok "... and leaves no trace" diff "$answers/before" "$answers/after"
}

# allowed SENTENCE DOMAIN DESTINATION FINDING...: findings that refuse nothing; asked again where the world was another in between,
# or where chronyd, which may accept no update for seconds, just holds over unasked.
allowed()
{
	local sentence=$1 destination=$3
	for _ in 1 2 3; do
		ask "$2" "$3"
		list "$destination" check rest
		[ $status != 0 ] || ! cmp -s "$answers/check.list" "$answers/rest.list" ||
			{ [[ "$*" != *clock-holdover* ]] && grep -q '^clock-holdover' "$answers/check.list"; } || break
	done
	shift 3
	is "$sentence: check says yes" $status 0 || note "$(cat "$answers/check")"
	expect "$@"
	ok "... POST /v1/checks says the same" diff "$answers/check.list" "$answers/rest.list"
}

# Everything a refusal must not touch, on both hosts.  Whether it has opened its channels is up to each guest.
traces()
{
	local host looking=()
	for host in A B; do
		traces_of $host >"$answers/traces-$host" &
		looking+=($!)
	done
	wait "${looking[@]}"
	sed "/<target type='virtio'/s/ state='[a-z]*'//" "$answers"/traces-[AB]
}

traces_of()
{
	rig_in "$1" sh -c '
		hostname
		virsh -q "list --all" || exit
		virsh -q "$(for domain in $(virsh -q list --all --uuid); do
			echo "dumpxml $domain; domstate --reason $domain; domjobinfo $domain;"
		done) list --all"
		find /run/libvirt /run/clockferry /var/lib/libvirt /var/lib/clockferry -printf "%p %y %m %u\n" | sort
		pgrep -a qemu' 2>&1
}

# --- arranging ---

# settle HOST POLICY [LINE...]: its policy, and other settings, taken over by its agent.
settle()
{
	local host=$1 policy=$2
	shift 2
	rig_agent_conf "$host" "guest { timeout = \"1 s\" }" "policy \"default\" { $policy }" "$@"
	rig_agent "$host" reload
}

# clock HOST STATE: waits until its agent says so.
clock()
{
	wait_for 60 clock_is "$@"
}

clock_is()
{
	rig_clockferry "$1" clock --json >"$answers/clock" && [ "$(member "$answers/clock" 'v["state"]')" = "$2" ]
}

not_stepped()
{
	rig_clockferry "$1" clock --json >"$answers/clock" && [ "$(member "$answers/clock" 'v["stepped"]')" = False ]
}

# What the machine's kernel says of its clock: "UNSYNC TAI" (adjtimex: status at 40, tai at 160).
kernel_says()
{
	python3 - <<-'P'
	import ctypes
	timex = ctypes.create_string_buffer(512)
	ctypes.CDLL(None).adjtimex(timex)
	at = lambda offset: ctypes.c_int.from_buffer(timex, offset).value
	print(at(40) >> 6 & 1, at(160))
	P
}

# --- during the copy ---

# copy: a migration that goes on until something ends it.
copy()
{
	rig_clockferry A migrate busy hB --json >"$answers/aborted" &
	copier=$!
	wait_for 20 copies True
}

# copies EXPRESSION: the newest migration copies, and Python says so of it as m.
copies()
{
	rig_clockferry A list --json >"$answers/list" &&
		[ "$(member "$answers/list" "(lambda m: m['phase'] == 'copying' and 'progress' in m and bool($1))(v['list'][0])")" = True ]
}

# unharmed: the guest runs on A; not even libvirt thinks that anything was.
unharmed()
{
	is "... and the guest runs on" "$(rig_virsh A domstate --reason busy)" "running (booted)"
	ok "... its agent answers" wait_for 20 rig_virsh A domtime busy
	ok "... and nothing of it is left at the destination" wait_for 20 not rig_virsh B domstate busy
}

# aims_at MS: the blackout that QEMU aims at.
aims_at()
{
	[ "$(rig_virsh A migrate-getmaxdowntime busy)" = "$1" ]
}

# ended SENTENCE REASON: aborted, for a reason that looks like this.
ended()
{
	wait $copier
	is "$1" $? 4
	is "... outcome" "$(member "$answers/aborted" 'v["migration"]["outcome"]')" aborted
	like "... and says why" "$(member "$answers/aborted" 'v["migration"]["reason"]')" "$2"
	unharmed
}

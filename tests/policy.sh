#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Policies between two real agents, in namespaces of their own: whose applies,
# what a request and an override can do, and what is said of it.  libvirt is its
# test driver, and there is no chronyd: plenty to find.
. "$srcdir/tests/agents.sh"
requires_command ss
agents_begin "$0"

declare -A pid port=([A]=9441 [B]=9442)
other()
{
	[ "$1" = A ] && echo B || echo A
}

# conf HOST [LINE...]: the settings, with these lines in them.
conf()
{
	local host=$1
	shift
	mkdir -p "$dir/$host/policy.d"
	cat >"$dir/$host/clockferryd.conf.new" <<-C
		host = h$host
		listen = { "127.0.0.1" }
		port = ${port[$host]}
		tls { ca = "$dir/pki/ca.pem" cert = "$dir/pki/h$host.pem" key = "$dir/pki/h$host.key" }
		access { peer = { "dns:hA", "dns:hB" } operator = { "cn:operator" } }
		peer h$(other "$host") { address = "127.0.0.1" port = ${port[$(other "$host")]} }
		chrony { via = socket socket = "$dir/no-chronyd" }
		libvirt { uri = "test://$dir/$host/libvirt.xml" }
		ledger { path = "$dir/$host/ledger" }
		$(printf '%s\n' "$@")
	C
	mv "$dir/$host/clockferryd.conf.new" "$dir/$host/clockferryd.conf"
}

# domain NAME UUID [POLICY]
domain()
{
	printf '<domain type="test"><name>%s</name><uuid>%s</uuid>' "$1" "$2"
	[ -z "$3" ] || printf '<metadata><c:policy xmlns:c="urn:clockferry:policy:1" name="%s"/></metadata>' "$3"
	printf '<memory>8192</memory><os><type>hvm</type></os></domain>'
}

# A folder of its own for the ledger where no settings say where it is, of which nothing stays.
ledger_folder=$("$builddir/clockferryd" --print-defaults | sed -n 's,^[# \t]*path = "\(/.*\)/[^/]*"$,\1,p')
there_is=$ledger_folder
while [ ! -d "$there_is" ]; do
	there_is=$(dirname "$there_is")
done

# The agent's own /run, and its own pid to tell it by.
start()
{
	local host=$1
	unshare -m sh -c "mount -t tmpfs none /run && mkdir /run/clockferry && mount -t tmpfs none '$there_is' &&
		mkdir -p '$ledger_folder' && echo \$\$ >'$dir/$host/pid' &&
		exec '$builddir/clockferryd' --config '$dir/$host/clockferryd.conf'" </dev/null >>"$dir/$host/log" 2>&1 &
	wait_for 20 answers "$host"
	pid[$host]=$(cat "$dir/$host/pid")
}

answers()
{
	[ -s "$dir/$1/pid" ] && nsenter -t "$(cat "$dir/$1/pid")" -m "$builddir/clockferry" version >/dev/null 2>&1
}

stop()
{
	[ -n "${pid[$1]}" ] || return 0
	kill "${pid[$1]}" 2>/dev/null
	wait_for 20 not kill -0 "${pid[$1]}"
}
cleanup 'stop A; stop B'

# at HOST ARGUMENT...: the command there, by root; and leaves $status, $out, $err behind.
at()
{
	local host=$1
	shift
	status=0
	nsenter -t "${pid[$host]}" -m "$builddir/clockferry" "$@" >"$dir/out" 2>"$dir/err" || status=$?
	out=$(cat "$dir/out") err=$(cat "$dir/err")
}

# reload HOST [LINE...]: other settings, taken over by its agent.
reload()
{
	local before
	before=$(grep -c 'settings were read again\|settings stay as they were' "$dir/$1/log")
	conf "$@"
	kill -HUP "${pid[$1]}"
	wait_for 20 reloaded "$1" "$before"
}
reloaded()
{
	[ "$(grep -c 'settings were read again\|settings stay as they were' "$dir/$1/log")" -gt "$2" ]
}

# says EXPRESSION: of the answer in JSON, d; f(CODE) is the finding of the first destination.
says()
{
	python3 - "$dir/out" "$1" <<-'P'
		import json, sys
		d = json.load(open(sys.argv[1]))
		c = d["list"][0] if d.get("list") else d
		def f(code):
		    return next((x for x in c["findings"] if x["code"] == code), None)
		sys.exit(not eval("(" + sys.argv[2] + ")"))
	P
}

# check SENTENCE STATUS EXPRESSION ARGUMENT...: what a check by A says of it.
check()
{
	local sentence=$1 wanted=$2 expression=$3
	shift 3
	at A check --json "$@"
	is "$sentence: exit $wanted" "$status" "$wanted" || note "$err"
	ok "$sentence" says "$expression" || note "$out"
}

mkdir -p "$dir/A" "$dir/B"
{
	echo '<node>'
	domain plain 00000000-0000-4000-8000-000000000001
	domain careful 00000000-0000-4000-8000-000000000002 strict
	domain lax 00000000-0000-4000-8000-000000000003 relaxed
	domain odd 00000000-0000-4000-8000-000000000004 gold
	echo '</node>'
} >"$dir/A/libvirt.xml"
echo '<node/>' >"$dir/B/libvirt.xml"
conf A
conf B
start A && start B || { note "$(cat "$dir"/?/log)"; exit 1; }

## whose policy

check "a domain that chooses none is judged by the policies in use" 3 \
	'c["policy"]["source"] == c["policy"]["destination"] == "default" and c["max_blackout_ns"] == 10**9
	and not c["policy"]["domains_choice"] and len(c["policy"]["digest"]) == 64' plain hB
digest=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["list"][0]["policy"]["digest"])' "$dir/out")
check "one that chooses is judged by its choice, on both hosts" 3 \
	'c["policy"]["source"] == c["policy"]["destination"] == "strict" and c["max_blackout_ns"] == 10**8
	and c["policy"]["domains_choice"] and f("lever-missing")' careful hB
check "... also by a more lenient one" 3 \
	'c["policy"]["source"] == "relaxed" and c["max_blackout_ns"] == 5 * 10**9 and c["policy"]["digest"] != "'"$digest"'"' lax hB
check "a choice that no host has is found on both" 3 \
	'sorted(x["subject"] for x in c["findings"] if x["code"] == "policy-unknown") == ["hA", "hB"]
	and "gold" in f("policy-unknown")["detail"] and c["policy"]["source"] == "default"' odd hB

## what a request may say

check "a request may name a stricter policy" 3 \
	'c["policy"]["requested"] == "strict" and c["max_blackout_ns"] == 10**8' --policy strict plain hB
check "... but none that loosens anything" 3 \
	'c["policy"]["requested"] == "relaxed" and c["max_blackout_ns"] == 10**9' --policy relaxed plain hB
check "it may tighten a limit" 3 'c["max_blackout_ns"] == 2 * 10**8' --max-blackout 200ms plain hB
check "... but not loosen one" 3 'c["max_blackout_ns"] == 10**9' --max-blackout 2s plain hB
check "a limit it has tightened is its own" 3 'f("lever-missing")["limit_of"] == "the request"' \
	--require-lever guest-agent plain hB
at A check --policy gold plain hB
is "a policy that is not there is no request" "$status" 2
like "... and is named" "$err" "terms.policy: there is no policy 'gold' on hA"

## what there is to know

at A policy
like "the policies are listed" "$out" '^default +yes +enforce +100 ms +25 ms +1 s +20 ms +none +as it ships$'
like "... and that in use is explained" "$out" '^  max-skew +25 ms$'
at A policy strict
like "one is explained" "$out" '^policy strict, as it ships$'
like "... with what it is for" "$out" 'Guests that cannot stand a clock'
at A policy --json strict
ok "... for programs too" says 'd["policy"]["limits"]["max_skew_ns"] == 500000 and len(d["policy"]["digest"]) == 64
	and next(r for r in d["rows"] if r["key"] == "require-lever")["value"] == "kvm"'
at A policy gold
is "one that is not there is not found" "$status" 1
like "... and named" "$err" "there is no policy 'gold' on hA"

## overrides

all=()
at A check --json plain hB
for code in $(python3 -c 'import json, sys
print(*{x["code"] for x in json.load(open(sys.argv[1]))["list"][0]["findings"] if x["severity"] == "refuse"})' "$dir/out"); do
	all+=(--override "$code")
done
note "refused for: ${all[*]}"
check "an override of all that refuses opens the gate" 0 \
	'c["allowed"] and all(x.get("waived") == "override" for x in c["findings"] if x["severity"] == "refuse")
	and not c["would_refuse"]' "${all[@]}" --reason "a test" plain hB
check "an override of one leaves the others" 3 \
	'f("clock-unsynchronised")["waived"] == "override" and "waived" not in f("error-bound")' \
	--override clock-unsynchronised --reason "a test" plain hB
at A check --override domain-unknown --reason "a test" plain hB
is "what always refuses cannot be overridden" "$status" 2
like "... and that is said" "$err" "'domain-unknown' cannot be overridden"
at A check --override sunshine --reason "a test" plain hB
like "nor can what is no finding" "$err" "there is no finding 'sunshine'"
at A check --override skew plain hB
like "a reason is needed" "$err" '--override needs a --reason'
status=0
"$builddir/clockferry" --host "hA:${port[A]}" --ca "$dir/pki/ca.pem" --cert "$dir/pki/operator.pem" \
	--key "$dir/pki/operator.key" check --override skew --reason "a test" plain hB >"$dir/out" 2>"$dir/err" || status=$?
is "an operator may not override" "$status" 1
like "... and is told which role may" "$(cat "$dir/err")" 'role admin' || note "$(cat "$dir/err")"

reload B 'accept-override = no'
check "a destination may refuse overrides" 3 \
	'f("override-denied")["subject"] == "hB" and "waived" not in f("clock-unsynchronised")' \
	"${all[@]}" --reason "a test" plain hB
reload B

## what a migration keeps of it: the test driver cannot migrate, so it ends in an abort, behind the gate

id=$(python3 -c 'import uuid; print(uuid.uuid4())')
at A migrate --json "${all[@]}" --reason "ticket 7" plain hB
is "a migration goes through the gate" "$status" 4 || note "$out" "$err"
ok "its receipt has the override, the reason and the person" says \
	'd["override"]["reason"] == "ticket 7" and len(d["override"]["findings"]) > 1
	and d["migration"]["requester"]["role"] == "admin" and d["migration"]["requester"]["host"] == "hA"
	and d["policy"]["source"] == "default" and d["would_refuse"] is False'
id=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["migration"]["id"])' "$dir/out")
there()
{
	at B show --json "$id" && says 'd["override"]["reason"] == "ticket 7"
		and d["migration"]["requester"]["host"] == "hA" and d["policy"]["destination"] == "default"'
}
ok "so has the destination's" wait_for 40 there || note "$out" "$err"

## observing

reload A 'policy default { mode = observe }'
check "where one host enforces, both do" 3 'not c["allowed"]' plain hB
reload B 'policy default { mode = observe }'
check "where both only observe, nothing is refused" 0 \
	'c["allowed"] and c["would_refuse"] and f("clock-unsynchronised")["severity"] == "refuse"
	and f("clock-unsynchronised")["waived"] == "observe"' plain hB
check "... but what cannot be done" 3 'not c["allowed"] and f("domain-unknown")' nobody hB
at A migrate --json plain hB
is "a migration goes on" "$status" 4 || note "$out" "$err"
ok "... and its receipt says what would have been" says 'd["would_refuse"] is True'
at A check plain hB
like "a person is told of it" "$out" 'yes, it would be refused'
like "... finding by finding" "$out" '^  waived +clock-unsynchronised'

## a policy held against the past: one migration went by an override, one because nothing was refused

kept()
{
	at A policy --json check "$dir/p.conf" && says 'd["receipts"] == 2'
}
printf 'policy p {\n}\n' >"$dir/p.conf"
ok "the receipts in the ledger are looked at" wait_for 20 kept || note "$out" "$err"
ok "... and judged: what was overridden is so, what was only observed is refused" says \
	'd["policy"] == "p" and d["refused"] == 1 and d["allowed"] == 1 and d["differ"] == 1
	and d["list"][0]["was"] == "aborted" and d["list"][0]["verdict"] == "refused"
	and "clock-unsynchronised" in [x["code"] for x in d["list"][0]["findings"]]'
at A policy check --since 1h "$dir/p.conf"
is "a person is told too" "$status" 0
like "... how many" "$out" '^policy p, held against 2 receipts of the last 1 h$'
like "... and which" "$out" '^  was +aborted, would be refused$'
at A policy check --json --since 0 "$dir/p.conf"
ok "only as far back as is asked for" says 'd["receipts"] == 0'
printf 'policy p {\n\twarn = { "clock-unsynchronised", "error-bound" }\n}\npolicy q { }\n' >"$dir/p.conf"
at A policy --json --policy p check "$dir/p.conf"
ok "another policy would have allowed it" says 'd["allowed"] == 2 and d["differ"] == 0'
at A policy check "$dir/p.conf"
is "of two policies one has to be named" "$status" 2
like "... of these" "$err" "which one, 'p' or 'q'\?"
printf 'policy p {\n\tmax-skew = 5\n}\n' >"$dir/p.conf"
at A policy check "$dir/p.conf"
is "a fault in the file is told" "$status" 2
like "... with its line" "$err" 'p.conf:2: policy.max-skew: '
at A policy check "$dir/none.conf"
is "so is a file that is not there" "$status" 2

## files of policies

printf 'policy gold {\n\tmax-blackout = "300 ms"\n}\n' >"$dir/A/policy.d/gold.conf"
reload A 'use-policy = emergency'
reload B
check "a file in policy.d brings a policy" 3 \
	'c["policy"]["source"] == "gold" and c["max_blackout_ns"] == 3 * 10**8
	and [x["subject"] for x in c["findings"] if x["code"] == "policy-unknown"] == ["hB"]' odd hB
reload B 'use-policy = emergency'
check "in the night in which NTP is dead, both hosts in emergency" 0 \
	'c["allowed"] and f("clock-unsynchronised")["severity"] == "warn" and f("error-bound")["severity"] == "warn"' plain hB
check "... but for who is careful" 3 'c["policy"]["source"] == "strict"' careful hB

stop A
stop B

## a fault in the settings at the start

ask_and_wait()
{
	nsenter -t "${pid[B]}" -m python3 - "$dir" <<-'P' >"$dir/kept" 2>&1 &
		import http.client, os, socket, sys, time
		class Local(http.client.HTTPConnection):
		    def connect(self):
		        self.sock = socket.socket(socket.AF_UNIX)
		        self.sock.connect("/run/clockferry/api.sock")
		def ask(c):
		    c.request("GET", "/v1/version")
		    return c.getresponse().read() and c.sock is not None
		kept = Local("agent")
		ask(kept)
		socket_before = kept.sock
		open(sys.argv[1] + "/asked", "w").close()
		while not os.path.exists(sys.argv[1] + "/reloaded"):
		    time.sleep(0.05)
		print("kept" if ask(kept) and kept.sock is socket_before else "lost")
	P
	asker=$!
	wait_for 20 test -e "$dir/asked"
}

conf B
sed -i '/^	*ledger {\|^	*libvirt {/d' "$dir/B/clockferryd.conf"
cp "$dir/B/clockferryd.conf" "$dir/good"
sed '3s/^/prot = 1 /' "$dir/good" >"$dir/B/clockferryd.conf"
start B
ok "an agent with a fault in its settings is there" answers B
like "... and has said so" "$(cat "$dir/B/log")" "every migration is refused: .*clockferryd.conf:3: no such option 'prot'"
at B status
is "... and is not well" "$status" 1 || note "$out" "$err"
like "... and says what ails it" "$out" "settings .*clockferryd.conf:3: no such option 'prot'" || note "$err"
is "... and is not there for peers" "$(nsenter -t "${pid[B]}" -m ss -Hltnp 2>/dev/null | grep -c "pid=${pid[B]},")" 0
at B check --json plain hA
is "it refuses every check" "$status" 3
ok "... with the fault, and nothing else" says 'len(c["findings"]) == 1
	and f("settings-invalid")["subject"] == "'"$(hostname)"'"
	and "clockferryd.conf:3: no such option" in f("settings-invalid")["detail"]'
at B check --json --override settings-invalid --reason "a test" plain hA
is "... which cannot be overridden" "$status" 2
at B migrate --json plain hA
is "it refuses every migration" "$status" 3
ok "... with the same" says '[x["code"] for x in d["findings"]] == ["settings-invalid"]'

ask_and_wait
sed '5s/^/prot = 2 /' "$dir/good" >"$dir/B/clockferryd.conf"
kill -HUP "${pid[B]}"
wait_for 20 grep -q 'settings stay as they were: .*:5: ' "$dir/B/log"
at B check --json plain hA
ok "a reload that finds another fault tells that one" says '":5: " in f("settings-invalid")["detail"]'
cp "$dir/good" "$dir/B/clockferryd.conf"
kill -HUP "${pid[B]}"
wait_for 20 grep -q 'settings were read again' "$dir/B/log"
: >"$dir/reloaded"
wait "$asker"
is "a reload of settings that are mended drops no connection" "$(cat "$dir/kept")" kept
at B check --json plain hA
ok "... and the agent judges as it should" says 'not f("settings-invalid") and f("libvirt-unavailable")'
ok "... and listens" grep -q "pid=${pid[B]}," <(nsenter -t "${pid[B]}" -m ss -Hltnp)
stop B
finish

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The operator's command: what it asks an agent, what it says, and with which
# status it ends, whatever the agent answers.
. "$srcdir/tests/tap.sh"
requires_command python3 script

dir=$(mktemp -d)
cleanup 'rm -rf "$dir"'
"$builddir/tests/made-up-json" "$dir" || exit 1
head -c 1000 "$dir/receipt-clean.json" >"$dir/truncated.json"
printf '\x7fELF garbage' >"$dir/garbage"
printf '{}' >"$dir/empty.json"
printf '<h1>It works!</h1>' >"$dir/page"
: >"$dir/script"

start_agent()
{
	rm -f "$dir/sock"
	python3 "$srcdir/tests/fake-agent.py" "$dir" "$dir/sock" 2>"$dir/agent.log" &
	agent=$!
	wait_for 20 test -S "$dir/sock"
}
stop_agent()
{
	kill "$agent" 2>/dev/null
	wait "$agent" 2>/dev/null
}
cleanup stop_agent
start_agent || exit 1

# answers LINE...: the agent's script from here on.
answers()
{
	printf '%s\n' "$@" >"$dir/script.new"
	: >"$dir/requests"
	ln -f "$dir/script" "$dir/script.old"	# so that no number of a file comes back at once
	mv "$dir/script.new" "$dir/script"
}

ferry()
{
	status=0
	"$builddir/clockferry" --socket "$dir/sock" --timeout 20s "$@" >"$dir/out" 2>"$dir/err" || status=$?
	out=$(cat "$dir/out") err=$(cat "$dir/err")
}

# runs STATUS SENTENCE ARGUMENTS...: and leaves $out and $err behind.
runs()
{
	local wanted=$1 sentence=$2
	shift 2
	ferry "$@"
	is "$sentence: exit $wanted" "$status" "$wanted" || note "stdout: $out" "stderr: $err"
}

# golden NAME SENTENCE: the output is that of tests/test-show.
golden()
{
	is "$2" "$out" "$(cat "$srcdir/tests/golden/$1.txt")"
}

is_json()
{
	python3 -c 'import json, sys; json.load(sys.stdin)' <"$dir/out"
}

asked()
{
	grep -qE -- "$1" "$dir/requests"
}

## usage

for line in "" "nonsense" "clock now" "domain" "migrate web1" "migrate web1 hB hC" "show" "explain one two" \
	"--nonsense clock" "-x clock" "--timeout clock" "--timeout 3parsecs clock" "--timeout 0 clock" "--host" \
	"--abort-on-interrupt list" "--label a=b show 1" "--label team migrate web1 hB" \
	"--off list" "quiesce now" "--priority 1 list" "--priority 101 migrate web1 hB" "--priority 1x migrate web1 hB" "--wait 8d migrate web1 hB" \
	"--tls=maybe migrate web1 hB" "--parallel 256 migrate web1 hB" "--storage unknown migrate web1 hB" "--tls list" \
	"--disks a,,b migrate web1 hB" "--xml /nowhere migrate web1 hB" "--xml x check web1 hB" \
	"--host a/b clock" "--host http://a clock" "explain nonsense"; do
	# shellcheck disable=SC2086
	runs 2 "usage: '$line'" $line
	like "usage: '$line' is explained on stderr" "$err" '^clockferry: .'
	is "usage: '$line' prints nothing else" "$out" ""
done
runs 2 "an empty name is none" domain ""
runs 2 "a name too long for a domain" migrate "$(printf '%300s' | tr ' ' x)" hB

runs 0 "--help" --help
like "--help lists a command" "$out" '^  migrate +DOMAIN DESTINATION +Migrate'
like "--help lists an option" "$out" '^  --host HOST'
runs 0 "--help of a command" peers --help
like "--help of a command is about it" "$out" '^usage: clockferry \[OPTIONS\] peers \[HOST\]'
runs 0 "--version asks nobody" --version
like "--version" "$out" '^clockferry [0-9.]+$'
ferry --help
for command in $(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' "$dir/out"); do
	ok "$command is in the manual" grep -q "^\.It Cm $command" "$srcdir/client/clockferry.1"
done
for option in $(sed -n 's/^  --\([a-z-]*\) .*/\1/p' "$dir/out"); do
	ok "--$option is in the manual" grep -qE "^\.It Fl Fl $option" "$srcdir/client/clockferry.1"
done

runs 0 "explain needs no agent" --socket /nonexistent explain
is "explain lists every code but unknown" "$(wc -l <"$dir/out")" \
	"$(sed -n '/^enum cf_finding_code/,/^}/p' "$srcdir/proto/finding.h" | grep -cE '^\s+CF_FINDING_[A-Z_]+,')"
runs 0 "explain of one" explain skew
like "explain of one has the advice" "$out" '^  advice +Let both hosts'
runs 0 "explain as JSON" explain --json
ok "explain as JSON is JSON" is_json

## answers

answers "GET /v1/clock 200 json clock.json" "GET /v1/health 200 json health.json" \
	"GET /v1/version 200 json version.json" "GET /v1/peers 200 json peers.json" \
	"GET /v1/peers/hB 200 json peer.json" "GET /v1/domains 200 json domains.json" \
	"GET /v1/domains/*/clock 200 json guest.json" "POST /v1/checks 200 json checks.json" \
	"GET /v1/migrations 200 json migrations.json" "GET /v1/migrations/*/receipt 200 json receipt-breached.json" \
	"GET /v1/policies 200 json policies.json" "GET /v1/policies/* 200 json policy.json"

while read -r name arguments; do
	# shellcheck disable=SC2086
	runs 0 "$arguments" $arguments
	golden "$name" "$arguments shows $name"
	# shellcheck disable=SC2086
	runs 0 "$arguments --json" $arguments --json
	ok "$arguments --json is JSON" is_json
	is "$arguments --json says nothing else" "$err" ""
done <<-END
	clock clock
	peers peers
	peer peers hB
	domains domains
	guest domain web1
	policy policy gold
	migrations list
	receipt-breached show 7c0e58e1
END

runs 0 "policy" policy
is "policy has all of them, and the rows of the one in use" "$out" \
	"$(cat "$srcdir/tests/golden/policies.txt" <(echo) "$srcdir/tests/golden/policy.txt")"
ok "policy asks for the one in use" asked '^GET /v1/policies/default '
runs 0 "status" status
like "status has the health" "$out" '^  libvirt +9\.0\.0$'
like "status has the clock" "$out" '^  clock +synchronised, within'
like "status has what is under way" "$out" 'copying'
ok "status leaves out what has ended" not grep -q breached "$dir/out"
runs 0 "status --json" status --json
ok "status --json is one object of three" python3 -c 'import json, sys
assert list(json.load(open(sys.argv[1]))) == ["health", "clock", "migrations"]' "$dir/out"

runs 0 "kvm status" kvm status
like "kvm status has this host" "$out" '^  virtqemud +(without|hands on)'
like "kvm status has the domains that run with KVM" "$out" '^web1 +b3f9a6d4.* loaded$'
ok "... and no others" not grep -q red "$dir/out"
runs 0 "kvm status --json" kvm status --json
ok "kvm status --json is JSON" is_json
runs 2 "a word that kvm does not know" kvm perhaps

runs 0 "version" version
like "version has both" "$out" '^clockferryd 0\.1 on hA, API 1\.[0-9]+$'

runs 3 "a check that is refused" check web1 hB hC
golden checks "a check shows every finding"
ok "a check names its destinations" asked '^POST /v1/checks \{"domain":"web1","destinations":\["hB","hC"\]\}$'
runs 3 "a check that is refused, as JSON" check web1 --json
ok "a check as JSON is JSON" is_json
runs 0 "a domain of a strange name" domain "../a b/%"
ok "a strange name is one segment" asked '^GET /v1/domains/\.\.%2Fa%20b%2F%25/clock '
runs 0 "a domain called .." domain ..
ok ".. is not a way up" asked '^GET /v1/domains/\.\./clock '

answers "POST /v1/checks 200 json checks-good.json" "GET /v1/health 200 json health-bad.json" \
	"GET /v1/clock 200 json clock-absent.json" "GET /v1/migrations 200 json migrations-none.json" \
	"GET /v1/peers 200 json peers-none.json"
runs 0 "a check that is allowed" check web1 hC
runs 1 "status of an agent that is not well" status
like "what ails it is said" "$out" '^  settings +clockferryd.conf:3:'
runs 0 "no peers" peers
answers "POST /v1/checks 200 json checks-none.json"
runs 1 "a check without any destination" check web1

answers "GET /v1/domains 200 json domains-first.json" "GET /v1/domains 200 json domains.json"
runs 0 "domains in two pages" domains
is "one table has both" "$(awk '{ print $1 }' "$dir/out" | tr '\n' ' ')" 'DOMAIN db1 web1 \x1b[31mred '
ok "the second begins where the first ended" asked '^GET /v1/domains\?cursor=db1 '
answers "GET /v1/domains 200 json domains-first.json" "GET /v1/domains 200 json domains.json"
runs 0 "the same as JSON" domains --json
ok "is one document after another" python3 -c 'import json, sys
text = open(sys.argv[1]).read()
first, end = json.JSONDecoder().raw_decode(text)
assert len(first["list"]) == 1 and len(json.loads(text[end:])["list"]) == 2' "$dir/out"
answers "GET /v1/domains 200 json domains-first.json"
runs 6 "a page that leads to itself" domains

answers "GET /v1/migrations 200 json migrations-more.json"
runs 1 "some migrations of many" --state ended --domain web1 --label team=db --label a=b --limit 5 --cursor 17 list
ok "are asked for as they were named" asked '^GET /v1/migrations\?limit=5&cursor=17&state=ended&domain=web1&label=team%3Ddb&label=a%3Db '
like "where it goes on is said" "$out" '^older ones: clockferry list --cursor 12$'
like "and what cannot be told" "$out" '^those of the past cannot be read: .*ledger.db'

## doctor

for row in "0 good" "0 warn" "1 bad"; do
	answers "GET /v1/doctor 200 json vitals-${row#* }.json"
	runs "${row% *}" "a host: ${row#* }" doctor
	golden "vitals-${row#* }" "is shown: ${row#* }"
	runs "${row% *}" "in JSON: ${row#* }" doctor --json
	ok "... which is what the agent said" is_json
done
runs 6 "no agent" --socket "$dir/nobody" doctor
like "that is what is said first" "$out" '^  fail +agent +the agent does not answer \(.*nobody'
like "and what to do" "$out" 'systemctl status clockferryd'
is "and it is said once" "$err" ""
runs 6 "no agent, in JSON" --socket "$dir/nobody" doctor --json
is "the same as a program reads it" "$(python3 -c 'import json, sys
v = json.load(sys.stdin)["list"]
print(len(v), v[0]["code"], v[0]["state"])' <"$dir/out")" "1 agent fail"
answers "GET /v1/doctor 403 problem problem-forbidden.json"
runs 1 "an agent that does not let us" doctor
like "is no sick one" "$err" 'operators only'

## policies

printf 'policy gold { }\n' >"$dir/gold.conf"
answers "POST /v1/policies/check 200 json trial.json"
runs 0 "policy check" policy check "$dir/gold.conf"
golden trial "policy check shows what would have come out otherwise"
ok "policy check sends the file as it is" asked '^POST /v1/policies/check \{"file":".*/gold.conf","text":"policy gold \{ \}\\n","since_ns":2592000000000000\}$'
runs 0 "policy check, as JSON" policy check --json --since 7d --policy gold "$dir/gold.conf"
ok "policy check takes how far to look back, and which policy" asked '"policy":"gold","since_ns":604800000000000\}$'
for line in "policy one two" "policy --since 1d gold" "policy --policy x" "policy check $dir/none.conf" "policy check /dev/zero" \
	"list --since 1d" "check --override skew web1" "check --reason x web1" "check --max-skew 3 web1" \
	"check --require-lever magic web1" "list --policy x"; do
	# shellcheck disable=SC2086
	runs 2 "usage: '$line'" $line
done
answers "POST /v1/checks 200 json checks-good.json" "GET /v1/version 200 json version-newer.json"
runs 0 "a check on terms" check --policy strict --max-blackout 200ms --require-lever kvm --override skew \
	--override error-bound --reason "ticket 7" web1 hC
ok "a check sends its terms" asked '"terms":\{"policy":"strict","tighten":\{"max_blackout_ns":200000000,"require_lever":"kvm"\},"override":\{"findings":\["skew","error-bound"\],"reason":"ticket 7"\}\}'

## errors

runs 6 "nobody listens" --socket "$dir/nobody" clock
like "nobody listens: asks for the daemon" "$err" 'is clockferryd running\?$'

while read -r wanted pattern answer; do
	answers "GET /v1/clock $answer"
	runs "$wanted" "answer: $answer" $([[ $answer != *silent* ]] || echo --timeout 1s) clock
	like "answer: $answer is explained" "$err" "${pattern//_/ }"
	is "answer: $answer prints nothing" "$out" ""
done <<-'END'
	6 is_it_clockferryd 200 html page
	6 is_it_clockferryd 200 bare clock.json
	6 is_it_clockferryd 502 html page
	6 is_it_clockferryd 302 json clock.json
	6 is_it_clockferryd 403 json problem-forbidden.json
	6 is_it_clockferryd 500 problem garbage
	6 not_as_it_should 200 json garbage
	6 not_as_it_should 200 json truncated.json
	6 not_as_it_should 200 json empty.json
	6 more_than_16_MiB 200 flood clock.json
	6 connection_was_lost 200 cut clock.json
	6 connection_was_lost 200 hangup clock.json
	6 no_answer_in_time 200 silent clock.json
	1 operators_only 403 problem problem-forbidden.json
	1 no_domain_'web9' 404 problem problem-not-found.json
	6 newer_agent 418 problem problem-newer.json
	1 .\?\[2Jcannot_open\?it 500 problem problem-host.json
END
answers "GET /v1/clock 403 problem problem-forbidden.json"
runs 1 "an error with --json" clock --json
ok "an error with --json is the agent's own" is_json
ok "a full disk is noticed" sh -c "'$builddir/clockferry' --version >/dev/full; test \$? = 1"

## migrate

answers "PUT /v1/migrations/* 409 problem problem-refused.json"
runs 3 "a refusal" migrate web1 hB
like "a refusal is an answer" "$out" '^refused: web1 does not migrate to hB$'
like "a refusal has figures and whose limit" "$out" '^  refuse +skew: .* limit 25 ms \(hA\)$'
like "a refusal lists warnings too" "$out" '^  warn +tai-unknown'
is "a refusal is no error" "$err" ""
ok "the id is a random UUID" asked '^PUT /v1/migrations/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12} '
ok "the request names both" asked '\{"domain":"web1","destination":"hB"\}$'
answers "GET /v1/version 200 json version.json" "PUT /v1/migrations/* 409 problem problem-refused.json"
runs 6 "an agent that knows no labels" migrate web1 hB --label team=db
like "is not asked for any" "$err" "speaks API 1.0, which has no 'labels' yet"
ok "nor for anything else" not asked ^PUT
answers "GET /v1/version 200 json version-newer.json" "PUT /v1/migrations/* 409 problem problem-refused.json"
runs 3 "one that does" migrate --label team=db --label ticket=7 web1 hB
ok "is" asked '"destination":"hB","labels":\["team=db","ticket=7"\]'
answers "PUT /v1/migrations/* 409 problem problem-refused.json"
runs 3 "a refusal as JSON" migrate web1 hB --json
ok "a refusal as JSON is JSON" is_json

answers "PUT /v1/migrations/* 409 problem problem-too-late.json"
runs 1 "a conflict is no refusal" migrate web1 hB

# ends HOW: a migration that is accepted, copies, and ends like that.
answers "GET /v1/migrations/*/receipt 409 problem problem-conflict.json" "GET /v1/migrations/* 200 json migration-queued.json"
runs 0 "show of one that has not ended" show 7c0e58e1
golden migration-queued "says how it stands"
runs 0 "the same as JSON" show 7c0e58e1 --json
ok "is JSON" is_json

printf '{"host": "hA", "quiescing": true, "migrations": 2, "queued": 1}' >"$dir/quiesced.json"
printf '{"host": "hA", "quiescing": false, "migrations": 0, "queued": 0}' >"$dir/unquiesced.json"
answers "POST /v1/quiesce 200 json quiesced.json" "POST /v1/quiesce 200 json unquiesced.json"
runs 0 "quiesce" quiesce
is "says what is left" "$out" "hA takes no new migrations"$'\n'"  migrations      2 under way, 1 queued"
ok "and was asked to" asked '^POST /v1/quiesce \{"on":true\}$'
runs 0 "quiesce --off" quiesce --off
is "takes it back" "$out" "hA takes migrations again"
ok "as was asked" asked '^POST /v1/quiesce \{"on":false\}$'

ends()
{
	answers "PUT /v1/migrations/* 202 json migration-checking.json" \
		"GET /v1/migrations/*/receipt 200 json receipt-$2.json" \
		"GET /v1/migrations/* 200 json migration-checking.json" \
		"GET /v1/migrations/* 200 json migration-copying.json" "GET /v1/migrations/* 200 json $1.json"
}

python3 - "$dir" <<'END'
import json, sys
clean = json.load(open(sys.argv[1] + "/migration-clean.json"))
for outcome in "breached", "unverified", "unheard-of":
    with open(f"{sys.argv[1]}/migration-{outcome}.json", "w") as f:
        json.dump(dict(clean, outcome=outcome, something_new=[1]), f)
END

ends migration-clean clean
runs 0 "a clean migration" migrate web1 hB
like "its progress is told" "$out" '^copying: 1\.21 GiB, 300 MiB left'
is "its receipt is shown" "$(sed -n '/^clean:/,$p' "$dir/out")" "$(cat "$srcdir/tests/golden/receipt-clean.txt")"
ok "it is waited for, not asked for" asked '^GET /v1/migrations/[^ ]*\?after=9&wait=10s '
ends migration-clean clean
runs 0 "a clean migration as JSON" migrate web1 hB --json
ok "a clean migration as JSON is its receipt alone" is_json
ends migration-breached breached
runs 5 "a breached one" migrate web1 hB
ends migration-unverified absent
runs 5 "an unverified one" migrate web1 hB
ends migration-aborted aborted
runs 4 "an aborted one" migrate web1 hB
ends migration-unheard-of clean
runs 1 "an outcome of a newer agent" migrate web1 hB
ends migration-refused clean
runs 3 "one refused later" migrate web1 hB
like "one refused later has its findings" "$out" '^  refuse +skew'
ok "one refused has no receipt" not asked receipt
answers "GET /v1/version 200 json version-newer.json" "PUT /v1/migrations/* 202 json migration-queued.json" \
	"GET /v1/migrations/*/receipt 200 json receipt-clean.json" "GET /v1/migrations/* 200 json migration-queued.json" \
	"GET /v1/migrations/* 200 json migration-queued.json" "GET /v1/migrations/* 200 json migration-copying.json" \
	"GET /v1/migrations/* 200 json migration-clean.json"
runs 0 "one that has to wait" migrate web1 hB --priority -5 --wait '10 min'
is "its place is told once" "$(grep '^queued' "$dir/out")" "queued, 3 before it: hB: the destination takes no more migrations now"
ok "its priority and patience are asked for" \
	asked '^PUT /v1/migrations/[^ ]* \{"domain":"web1","destination":"hB",.*"priority":-5,"wait_ns":600000000000[,}]'
ends migration-breached breached
runs 5 "watch ends as migrate does" watch 7c0e58e1

printf '<domain/>' >"$dir/domain.xml"
answers "GET /v1/version 200 json version-newer.json" "PUT /v1/migrations/* 409 problem problem-refused.json" \
	"POST /v1/checks 200 json checks-good.json"
runs 3 "one with options" migrate web1 hB --tls --auto-converge=no --parallel 4 --compression zstd --disks vda,vdb --disks vdc \
	--storage copy --xml "$dir/domain.xml"
ok "they are asked for, and nothing else" \
	asked '^PUT /v1/migrations/[^ ]* .*"options":\{"tls":true,"parallel":4,"auto_converge":false,"compression":"zstd","storage":"copy","disks":\["vda","vdb","vdc"\]\},"xml":"PGRvbWFpbi8\+"\}'
runs 0 "a check with options" check web1 hB --post-copy
ok "asks with them" asked '^POST /v1/checks \{.*"options":\{"disks":\[\],"post_copy":true\}[,}]'

answers "GET /v1/migrations/*/receipt 500 problem problem-host.json" "GET /v1/migrations/* 200 json migration-clean.json"
runs 0 "a migration without a receipt" watch 7c0e58e1
like "a migration without a receipt: the end is shown" "$out" '^clean: web1 moved from hA to hB$'
like "a migration without a receipt: that is said" "$err" 'no receipt: libvirt'

ends migration-clean clean
"$builddir/clockferry" --socket "$dir/sock" migrate web1 hB >/dev/full 2>"$dir/err"
is "a clean migration whose receipt can't be written" "$?" 1
ends migration-clean clean
SHELL=/bin/sh script -qec "'$builddir/clockferry' --socket '$dir/sock' migrate web1 hB" /dev/null >"$dir/out" </dev/null
is "a clean migration on a terminal" "$?" 0
like "a terminal has one live line" "$(tr '\r\033' '<>' <"$dir/out")" '<copying: .*>\[K'

## abort

answers "DELETE /v1/migrations/* 200 json migration-copying.json" "GET /v1/migrations/* 200 json migration-aborted.json"
runs 0 "abort waits for the end" abort 7c0e58e1
like "abort says what became of it" "$out" '^aborted: web1 stays on hA$'
answers "DELETE /v1/migrations/* 200 json migration-copying.json" "GET /v1/migrations/* 200 json migration-clean.json"
runs 1 "abort that came to nothing" abort 7c0e58e1
answers "DELETE /v1/migrations/* 409 problem problem-too-late.json"
runs 1 "abort, too late" abort 7c0e58e1
like "abort, too late: says so" "$err" 'the guest has landed'

## several at once

# of A-LINES B-LINES: two migrations whose agent answers with these files, one after the other.
several()
{
	local answer=()

	for file in $1; do answer+=("GET /v1/migrations/aaaa 200 json migration-$file.json"); done
	for file in $2; do answer+=("GET /v1/migrations/bbbb 200 json migration-$file.json"); done
	answers "GET /v1/migrations/*/receipt 200 json receipt-clean.json" "${answer[@]}" \
		"GET /v1/migrations/* 404 problem problem-not-found.json" \
		"DELETE /v1/migrations/aaaa 409 problem problem-too-late.json" \
		"DELETE /v1/migrations/* 200 json migration-copying.json"
}
several "copying clean" "checking copying breached"
runs 5 "the worst of two is how it ends" watch aaaa bbbb
is "each one's end is told, in the order they were named" "$(grep ' moved ' "$dir/out" | cut -d: -f1 | paste -sd' ')" \
	"clean breached"
like "what happens meanwhile has the domain's name" "$out" '^web1: copying: '
is "what has no news is not said again" "$(grep -c '^web1: clean$' "$dir/out")" 1
several "clean" "aborted"
runs 4 "an abort is worse than a clean end" watch aaaa bbbb
several "refused" "aborted"
runs 4 "and than a refusal" watch aaaa bbbb
several "clean" "clean"
runs 0 "two clean ones" watch aaaa bbbb
several "clean" "clean"
runs 0 "in JSON" watch aaaa bbbb --json
is "there is a receipt of each" "$(python3 -c 'import json, sys
text, n = sys.stdin.read(), 0
while text.strip():
    receipt, end = json.JSONDecoder().raw_decode(text.lstrip())
    text, n = text.lstrip()[end:], n + ("blackout" in receipt)
print(n)' <"$dir/out")" 2
several "clean" "clean"
runs 1 "one that nobody knows" watch aaaa cccc
like "is no reason to wait for the other" "$err" "no domain|not found|there is no"
answers "GET /v1/migrations 200 json migrations.json" "GET /v1/migrations/*/receipt 200 json receipt-clean.json" \
	"GET /v1/migrations/* 200 json migration-clean.json"
runs 0 "without a name all that are under way are watched" watch
is "which are not those that have ended" "$(grep -c '^clean: web1 moved' "$dir/out")" \
	"$(grep -o '"outcome":\|"phase":' "$dir/migrations.json" | awk '/phase/ { n++ } /outcome/ { n-- } END { print n }')"
answers "GET /v1/migrations 200 json migrations-none.json"
runs 0 "where none is, nothing is waited for" watch
is "and that is said" "$out" "no migration is under way"
several "copying clean" "copying copying clean"
SHELL=/bin/sh script -qec "stty rows 20 cols 90; '$builddir/clockferry' --socket '$dir/sock' watch aaaa bbbb" /dev/null >"$dir/out" </dev/null
is "on a terminal" "$?" 0
like "they have a line each, written over" "$(tr '\r\033' '<>' <"$dir/out")" '>\[2A<web1: '

## a lost agent

answers "GET /v1/migrations/*/receipt 200 json receipt-clean.json" "GET /v1/migrations/* 200 json migration-copying.json" \
	"GET /v1/migrations/* 200 hangup page" "GET /v1/migrations/* 503 html page" \
	"GET /v1/migrations/* 200 json migration-clean.json"
runs 0 "a lost connection is waited out" watch 7c0e58e1
like "a lost connection is told" "$err" '; trying again$'
echo '{"type":"about:blank","title":"busy","status":503,"code":"busy","detail":"the agent is stopping"}' >"$dir/problem-stopping.json"
answers "GET /v1/migrations/*/receipt 200 json receipt-clean.json" "GET /v1/migrations/* 503 problem problem-stopping.json" \
	"GET /v1/migrations/* 200 json migration-clean.json"
runs 0 "so is an agent that is stopping" watch 7c0e58e1
like "an agent that is stopping: which says so" "$err" 'the agent is stopping; trying again$'
answers "PUT /v1/migrations/* 503 problem problem-stopping.json"
runs 1 "one that takes no request is not asked again" migrate web1 hB
answers "PUT /v1/migrations/* 202 hangup page" "PUT /v1/migrations/* 202 json migration-checking.json" \
	"GET /v1/migrations/*/receipt 200 json receipt-clean.json" "GET /v1/migrations/* 200 json migration-clean.json"
runs 0 "a request whose answer was lost is repeated" migrate web1 hB
is "it is the same request" "$(grep ^PUT "$dir/requests" | sort -u | wc -l)" 1
answers "PUT /v1/migrations/* 202 json migration-checking.json" "GET /v1/migrations/* 200 json migration-copying.json" \
	"GET /v1/migrations/* 200 hangup page"
runs 6 "an agent that stays lost" --timeout 1s migrate web1 hB
id=$(sed -n 's|^PUT /v1/migrations/\([^ ]*\) .*|\1|p' "$dir/requests")
like "an agent that stays lost: how to go on" "$err" "to watch it +clockferry watch $id"
answers "PUT /v1/migrations/* 202 hangup page"
runs 6 "nobody knows whether it began" --timeout 1s migrate web1 hB
like "nobody knows whether it began: the id is told" "$err" 'to watch it +clockferry watch [0-9a-f]{8}-'
runs 6 "an agent that is not there is not waited for" --socket "$dir/nobody" --timeout 60s migrate web1 hB
answers "GET /v1/migrations/* 404 problem problem-not-found.json"
runs 1 "an id that nobody knows" watch 7c0e58e1

## signals

# in_background PATTERN ARGUMENTS...: until the agent was asked that.
in_background()
{
	local pattern=$1
	shift
	set -m
	"$builddir/clockferry" --socket "$dir/sock" --timeout 20s "$@" >"$dir/out" 2>"$dir/err" &
	watcher=$!
	set +m
	wait_for 20 asked "$pattern" || note "$(cat "$dir/err")"
}
watched()
{
	status=0
	wait "$watcher" || status=$?
	out=$(cat "$dir/out") err=$(cat "$dir/err")
}
cleanup 'kill "$watcher" 2>/dev/null'

answers "GET /v1/migrations/* 200 json migration-copying.json"
in_background 'after=9' watch 7c0e58e1
kill -INT "$watcher"
watched
is "Ctrl-C ends the watching" "$status" 1
like "Ctrl-C says how to abort" "$err" 'to abort it +clockferry abort 7c0e58e1'
ok "Ctrl-C aborts nothing" not asked ^DELETE

answers "PUT /v1/migrations/* 202 silent page"
in_background '^PUT' migrate web1 hB
kill -INT "$watcher"
watched
is "Ctrl-C before it was accepted" "$status" 1
like "Ctrl-C before it was accepted: the id is told" "$err" 'to abort it +clockferry abort [0-9a-f]{8}-'

answers "GET /v1/migrations/*/receipt 200 json receipt-aborted.json" "GET /v1/migrations/* 200 json migration-copying.json" \
	"DELETE /v1/migrations/* 200 json migration-aborted.json"
in_background 'after=9' watch 7c0e58e1 --abort-on-interrupt
kill -INT "$watcher"
watched
is "Ctrl-C aborts where it was told to" "$status" 4
ok "Ctrl-C aborts through the agent" asked ^DELETE

answers "GET /v1/migrations/* 200 json migration-copying.json" "DELETE /v1/migrations/* 409 problem problem-too-late.json"
in_background 'after=9' watch 7c0e58e1 --abort-on-interrupt
kill -INT "$watcher"
wait_for 20 asked ^DELETE
wait_for 20 grep -q 'not aborted: the guest has landed' "$dir/err"
kill -INT "$watcher"
watched
is "Ctrl-C again ends the watching" "$status" 1
like "Ctrl-C again says how to go on" "$err" 'to watch it'

several "copying" "copying"
in_background 'migrations/bbbb' watch aaaa bbbb
kill -INT "$watcher"
watched
is "Ctrl-C ends the watching of several" "$status" 1
is "and says which they are" "$(grep -cE '^  web1 +(aaaa|bbbb)$' "$dir/err")" 2
several "copying" "copying copying copying copying copying aborted"
in_background 'migrations/bbbb' watch aaaa bbbb --abort-on-interrupt
kill -INT "$watcher"
ok "with --abort-on-interrupt both are aborted" wait_for 20 asked 'DELETE /v1/migrations/bbbb'
ok "the one that is too late, too" asked 'DELETE /v1/migrations/aaaa'
kill -INT "$watcher"
watched
is "Ctrl-C again ends that as well" "$status" 1
like "the agent's no is told" "$err" 'web1 is not aborted: .*landed'

finish

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The operator's command: what it asks an agent, what it says, and with which
# status it ends, whatever the agent answers.  Migrations: tests/client-migrate.sh.
. "$srcdir/tests/fake-agent.sh"

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
runs 2 "a command mistyped" statsu
like "... the one that was meant is named" "$err" "^clockferry: there is no command 'statsu': is it 'status'\?$"
runs 2 "an option mistyped" --max-skw=5ms migrate web1 hB
like "... the one that was meant is named" "$err" '^clockferry: there is no option --max-skw: is it --max-skew\?$'
for option in --json --post-copy; do
	runs 2 "$option with a value" $option=no migrate web1 hB
	like "... it takes none" "$err" "^clockferry: $option takes no value\$"
done
runs 2 "an option like no other" --nonsense=1 clock
like "... it is said where they are" "$err" '^clockferry: there is no option --nonsense=1; clockferry --help lists them$'
runs 2 "a name too long for a domain" migrate "$(printf '%300s' | tr ' ' x)" hB

runs 0 "-h" -h
mv "$dir/out" "$dir/help"
runs 0 "--help" --help
ok "-h is the same" cmp -s "$dir/out" "$dir/help"
like "--help lists a command" "$out" '^  migrate +DOMAIN DESTINATION +Migrate'
like "--help lists an option" "$out" '^  --host HOST'
runs 0 "--help of a command" peers --help
like "--help of a command is about it" "$out" '^usage: clockferry \[OPTIONS\] peers \[HOST\]'
runs 0 "--version asks nobody" --version
like "--version" "$out" '^clockferry [0-9.]+$'
ferry --help
for command in $(sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p' "$dir/out"); do
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
like "where it goes on is said" "$out" '^older ones: the same with --cursor 12$'
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
like "nobody listens: asks for the daemon" "$err" 'is clockferryd running\? `systemctl status clockferryd`$'

while read -r wanted pattern answer; do
	answers "GET /v1/clock $answer"
	runs "$wanted" "answer: $answer" --timeout "$([[ $answer = *silent* ]] && echo 1s || echo 60s)" clock
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

finish

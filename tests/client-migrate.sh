#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The operator's command and migrations: those that it begins, watches and aborts, agents that get lost meanwhile,
# and interrupts.
. "$srcdir/tests/fake-agent.sh"

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

# ends HOW RECEIPT: a migration that is accepted, copies, and ends like that.
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

## resolve

answers "POST /v1/migrations/*/resolve 200 json migration-copying.json" "GET /v1/migrations/* 200 json migration-copying.json" \
	"GET /v1/migrations/* 200 json migration-clean.json"
runs 0 "resolve waits for the end" resolve 7c0e58e1 runs-there "it answers there"
like "resolve says what became of it" "$out" '^clean: web1 moved from hA to hB$'
ok "resolve says which, and why" \
	asked '^POST /v1/migrations/7c0e58e1/resolve \{"resolution":"runs-there","reason":"it answers there"\}$'
answers "POST /v1/migrations/*/resolve 200 json migration-aborted.json"
runs 0 "one that runs here has been resolved as well" resolve 7c0e58e1 runs-here "the other host burnt down"
like "... and stays" "$out" '^aborted: web1 stays on hA$'
ok "... by the other word" asked '"resolution":"runs-here"'
runs 0 "resolve as JSON" resolve 7c0e58e1 runs-here "it burnt down" --json
ok "resolve as JSON is JSON" is_json
for answer in "403 problem problem-forbidden" "404 problem problem-not-found" "409 problem problem-conflict"; do
	answers "POST /v1/migrations/*/resolve $answer.json"
	runs 1 "resolve, answered with $answer" resolve 7c0e58e1 runs-here "it burnt down"
	like "... which is explained" "$err" '^clockferry: .'
done
answers "POST /v1/migrations/*/resolve 200 hangup page"
runs 6 "resolve, answered by nobody" --timeout 1s resolve 7c0e58e1 runs-here "it burnt down"
answers "POST /v1/migrations/*/resolve 200 json migration-aborted.json"
runs 2 "resolve with another word" resolve 7c0e58e1 runs-somewhere "it burnt down"
like "... the two are named" "$err" 'neither runs-here nor runs-there'
runs 2 "resolve without a reason" resolve 7c0e58e1 runs-here
runs 2 "resolve with a reason of a page" resolve 7c0e58e1 runs-here "$(printf '%2000s' | tr ' ' x)"
ok "of those nobody was asked" not asked ^POST

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
	env --default-signal=INT "$builddir/clockferry" --socket "$dir/sock" --timeout 20s "$@" >"$dir/out" 2>"$dir/err" &
	watcher=$!
	set +m
	wait_for 20 asked "$pattern" || note "$(cat "$dir/err")"
}
# asked_again PATTERN: what was asked first was answered by then.
asked_again()
{
	[ "$(grep -cE -- "$1" "$dir/requests")" -gt 1 ]
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
ok "who is asked again has answered" wait_for 20 asked_again 'migrations/bbbb'
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
